"""Names, values and messages of others in the log of a CI's job and in a terminal: they are shown, not obeyed."""

import io
import re
import sys
from pathlib import Path

import pytest
from command_line import SCHEMAS, Repository

from reconciler.cli.saying import foreign_lines, put, put_line, say, warn

COMMAND = re.compile(r"^\s*::|##[A-Za-z]*\[", re.MULTILINE)
EVIL = "::error file=x::\x1b[2J##[error]owned"
JOB = {"GITHUB_ACTIONS": "true"}


def inert(text: str) -> bool:
    return not COMMAND.search(text) and all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    "name", ["::error::x.yml", "a\n::error::x.yml", "##[command]x.yml", "a\x1b[31m.yml", "a\r::x.yml"]
)
def test_a_file_s_name_is_no_command(repo: Repository, name: str):
    repo.write(f"manifests/{name}", f"{SCHEMAS}/model.schema.json\nname: risk\nversion: 2\npath: nowhere\n")
    for words in (["plan"], ["plan", "--debug"], ["validate"], ["validate", "--format", "json"], ["apply", "--yes"]):
        told = repo.mlops(*words, code=1, **JOB)
        assert "E-PATH" in told.out + told.err
        assert inert(told.out)
        assert inert(told.err)


def test_a_name_begins_no_line_of_its_own(repo: Repository):
    repo.write("manifests/a\nb.yml", f'{SCHEMAS}/model.schema.json\nname: risk\nversion: 2\n"x\\nNo changes.": 1\n')
    for told in (repo.mlops("plan", code=1).err, repo.mlops("validate", code=1).out):
        assert [line for line in told.splitlines() if line.startswith(("b.yml", "No changes"))] == []
        assert "a\\nb.yml:4:1: E-FIELD: x\\nNo changes.: unknown field" in told


def test_values_of_a_plan_are_no_commands(repo: Repository):
    quoted = EVIL.replace("\x1b", "\\x1b")
    repo.edit(
        "manifests/endpoint.yml",
        "auth_mode: key\n",
        f'auth_mode: key\ndescription: "{quoted}"\ntags: {{"a": "{quoted}"}}\n',
    )
    for form in ("text", "json", "markdown", "html"):
        assert inert(repo.mlops("plan", "--format", form, **JOB).out)
    told = repo.apply()
    assert inert(told.out)
    for form in ("json", "yaml", "table", "tsv"):
        assert inert(repo.mlops("show", "endpoint/credit", "-o", form, **JOB).out.replace("\t", " "))
    assert repo.mlops("show", "endpoint/credit").json["description"] == EVIL
    repo.behind_our_back("endpoint/credit", description=EVIL + "2")
    for form in ("text", "json", "markdown", "html", "sarif"):
        assert inert(repo.mlops("drift", "--format", form, **JOB).out)


def test_who_ran_it_is_no_command(repo: Repository):
    repo.mlops("apply", "--yes", LOGNAME="::error::\x1b[2Jana")
    told = repo.mlops("status", **JOB).out
    assert "ana" in told
    assert inert(told)


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "-t", EVIL],
        ["plan", EVIL],
        ["plan", "--only", f"endpoint/{EVIL}"],
        ["explain", EVIL],
        ["show", EVIL],
        ["show", f"endpoint/{EVIL}", "--query", EVIL],
        ["plan", f"--{EVIL}"],
        ["plan", "--set", EVIL],
        ["apply", "--plan", EVIL],
        ["invoke", EVIL],
    ],
    ids=lambda words: words[0] + str(len(words)),
)
def test_a_word_of_the_command_line_comes_back_as_no_command(repo: Repository, words: list[str]):
    told = repo.mlops(*words, code=1, **JOB)
    assert "mlops: " in told.err
    assert inert(told.out + told.err)


def test_a_job_s_runner_obeys_nothing_that_an_instance_printed(served: Repository):
    told = served.mlops("logs", "deployment/credit/blue", **JOB).out.splitlines()
    stopped = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", told[0])
    assert stopped
    assert told[-1] == f"::{stopped[1]}::"
    assert "the model is read" in told[1:-1][0] + "".join(told)
    again = served.mlops("logs", "deployment/credit/blue", **JOB).out.splitlines()
    assert again[0] != told[0]
    assert not served.mlops("logs", "deployment/credit/blue").out.startswith("::")


def test_commands_are_taken_again_whatever_ends_the_lines(capsys: pytest.CaptureFixture[str]):
    def interrupted() -> None:
        with foreign_lines(environ=JOB):
            put_line("::error::x", flush=True, environ=JOB)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    first, line, last = capsys.readouterr().out.splitlines()
    assert (line, last) == ("::error::x", f"::{first.rpartition('::')[2]}::")


def test_a_pipe_gets_an_answer_byte_for_byte_and_a_job_s_log_does_not(capsys: pytest.CaptureFixture[str]):
    put(EVIL, environ={})
    put_line(EVIL, flush=False, environ={})
    assert capsys.readouterr().out == f"{EVIL}\n{EVIL}\n"
    for job in ({"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}):
        put(EVIL, environ=job)
        assert inert(capsys.readouterr().out)
    put_line(EVIL, flush=False, environ={"TF_BUILD": "True"})
    say(EVIL)
    warn(EVIL)
    told = capsys.readouterr()
    assert inert(told.out + told.err)


def test_a_terminal_gets_no_escape_of_others(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    put(EVIL, environ={})
    put_line(f"\x1b[31mred\x1b[0m{EVIL}", flush=False, environ={})
    assert "\x1b[2J" not in terminal.getvalue()
    assert "\x1b[31mred\x1b[0m" in terminal.getvalue()


def test_the_log_of_who_debugs_is_inert(repo: Repository, tmp_path: Path):
    repo.write("manifests/::error::x.yml", "a: [\n")
    told = repo.mlops("plan", "manifests/::error::x.yml", "--debug", code=1, **JOB)
    assert "Traceback" in told.err
    assert inert(told.err)
