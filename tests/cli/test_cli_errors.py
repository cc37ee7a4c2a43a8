"""Whatever is wrong is said in a line or three, with its exit code, and without a traceback."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from command_line import MLOPS, PATIENCE_S, Repository, environ
from typer.testing import CliRunner

from reconciler.cli.handler import run
from reconciler.cli.main import called
from reconciler.cli.program import app

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_every_problem_of_every_file_is_said_at_once_in_order(repo: Repository):
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: two")
    repo.edit("manifests/blue.yml", "endpoint_name: credit", "endpoint_nam: credit")
    repo.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: keys")
    said = repo.mlops("plan", code=1).err.splitlines()
    assert [": ".join(line.split(": ")[:2]) for line in said] == [
        "manifests/blue.yml:1:1: E-REQUIRED",
        "manifests/blue.yml:3:1: E-FIELD",
        "manifests/blue.yml:10:1: E-INSTANCES",
        "manifests/endpoint.yml:3:1: E-AUTH",
        "mlops: 4 problems in the files; nothing was changed",
    ]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("plan", "--target="), "--target"),
        (("plan", "--target", ""), "--target"),
        (("drift", "-t", ""), "--target"),
        (("plan", "--against="), "--against"),
        (("plan", "--policies="), "--policies"),
        (("validate", "--name="), "--name"),
        (("validate", "-e", ""), "--endpoint-name"),
        (("apply", "--auto-approve", "--digest="), "--digest"),
        (("drift", "--watch", "--interval="), "--interval"),
        (("show", "x", "--query="), "--query"),
    ],
)
def test_an_option_that_is_empty_is_none_that_was_left_out(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], option: str
):
    """As where a script's variable is not set: `apply --digest "$SHOWN"` is no apply of whatever there is."""
    assert run(lambda: called([*words], debug=False), debug=False) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"mlops: Invalid value for {option}: it is empty; give a value, or leave the option out"


def test_a_misspelt_field_is_answered_with_the_nearest(repo: Repository):
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_cont: 1")
    assert "did you mean instance_count?" in repo.mlops("plan", code=1).err


def test_files_that_are_wrong_change_nothing(applied: Repository):
    before = applied.live()
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    applied.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: keys")
    applied.apply(code=1)
    assert applied.live() == before


def test_validate_says_the_same_in_json(repo: Repository):
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: two")
    found = repo.mlops("validate", "--format", "json", code=1).json
    assert [(p["file"], p["line"], p["severity"]) for p in found["problems"]] == [("manifests/blue.yml", 10, "error")]


def test_validate_counts_what_is_right(repo: Repository):
    assert repo.mlops("validate").out == "4 resources: 0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("plan --nope", "no such option: --nope"),
        ("nope", "no such command 'nope'"),
        ("show", "missing argument 'address'"),
        ("show nonsense", "nonsense"),
        ("plan --only nonsense", "nonsense"),
        ("plan --var NOVALUE", "write name=value"),
        ("plan --set nonsense", "is not address.path=value"),
        ("plan --format yaml", "'yaml' is not one of"),
        ("plan nowhere", "nowhere is not there; name a folder, a file or rev:path"),
        ("plan HEAD:manifests", "this is not a git repository"),
        ("apply --parallel 0", "0 is not in the range"),
        ("plan -t nowhere", "no target is named nowhere; targets: dev"),
        ("plan -t de", "did you mean dev?"),
        ("plan --set endpoint/nope.description=x", "no manifest has the address endpoint/nope"),
        ("plan --out nowhere/p.json", "the plan cannot be saved to nowhere/p.json"),
        ("plan --out .", "the plan cannot be saved to .: not a regular file"),
        ("apply --lock-timeout nan", "nan is no number of seconds"),
        ("apply --lock-timeout inf", "inf is no number of seconds"),
        ("apply --step-timeout nan", "nan is no number of seconds"),
        ("show endpoint/credi --query name", "endpoint/credi is not there"),
        ("invoke credit", "(target dev); apply it first, or make it: mlops online-endpoint create --name credit"),
        ("invoke credit --request-file nowhere.json", "the request file nowhere.json cannot be read"),
        ("logs endpoint/credit", "endpoint/credit has no logs"),
        ("logs deployment/credit/blue", "provider memory has no logs to show"),
        ("credentials credit", "endpoint/credit is not there"),
    ],
)
def test_a_wrong_command_line_is_an_error_that_says_what_to_do(repo: Repository, words: str, message: str):
    said = repo.mlops(*shlex.split(words), code=1).err
    assert message in said.lower() or message in said
    assert 1 <= len(said.splitlines()) <= 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("targets: {dev: {provider: nope}}", "nope"),
        ("targets: {dev: {provider: memory, state: 'ftp://x'}}", "no store is known for `state: ftp:…`"),
        ("targets: {dev: {provider: memory, state: 'postgresql://a@b@c/x'}}", "its state is no URL as postgresql://"),
        ("targets: {dev: {provider: local, gateway: {prt: 1}}}", "prt"),
        ("targets: [", "E-YAML-SYNTAX"),
        ("targets: {dev: {provider: memory}, dev: {provider: local}}", "mlops.yaml:1:"),
        ("- a list", "mlops.yaml is one mapping, with targets: and manifests:"),
        ("target: {}", "target: unknown field (did you mean targets?)"),
        ("targets: {dev: {}}", "provider is missing"),
        ("targets: {a: {provider: memory}, b: {provider: memory}}", "no target is the default; name one with --target"),
        ("manifests: nowhere\ntargets: {dev: {provider: memory}}", "nowhere is not there"),
        ("\ttab: 1", "mlops.yaml:1:"),
    ],
)
def test_a_wrong_mlops_yaml_is_an_error_that_says_what_to_do(repo: Repository, settings: str, message: str):
    repo.write("mlops.yaml", settings)
    said = repo.mlops("plan", code=1).err
    assert message in said
    assert 1 <= len(said.splitlines()) <= 3


def test_a_state_that_is_no_database_is_an_error(applied: Repository):
    applied.write(".mlops/state.db", "this is no database" * 100)
    assert "state.db" in applied.mlops("plan", code=1).err


def test_a_live_file_that_is_none_is_an_error(applied: Repository):
    applied.write("live.jsonl", "nonsense\n{}\n")
    assert "live.jsonl:1 is not an object of a memory target" in applied.mlops("plan", code=1).err


def test_debug_shows_where_it_happened(repo: Repository):
    assert "Traceback" in repo.mlops("plan", "nowhere", "--debug", code=1).err


def in_shell(repo: Repository, words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a shell reads these words: with pipes, and what is done to its streams."""
    line, env = f"{shlex.quote(MLOPS)} {words}", environ()
    return subprocess.run(
        line, check=False, shell=True, cwd=repo.folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S
    )


def test_a_reader_that_goes_away_is_no_error(repo: Repository):
    done = in_shell(repo, "plan --format json | head -n 1")
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.parametrize(
    ("closed", "said"), [("<&-", "No changes."), (">&-", ""), ("2>&-", "No changes."), ("<&- >&- 2>&-", "")]
)
def test_standard_streams_that_are_closed_are_no_error(applied: Repository, closed: str, said: str):
    done = in_shell(applied, f"plan --detailed-exitcode {closed}")
    assert (done.returncode, done.stdout[:11], done.stderr) == (0, said, "")


@pytest.mark.parametrize("together", [False, True])
def test_a_change_whose_messages_nobody_reads_ends_as_it_went(repo: Repository, *, together: bool):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [MLOPS, "online-endpoint", "create", "-f", "manifests/endpoint.yml", "--set", "traffic={}"],
        check=False,
        cwd=repo.folder,
        env=environ(),
        stdout=writing if together else subprocess.DEVNULL,
        stderr=writing,
        timeout=PATIENCE_S,
    )
    os.close(writing)
    assert done.returncode == 0
    assert repo.mlops("online-endpoint", "show", "-n", "credit", "--query", "name", "-o", "tsv").out == "credit\n"


def test_an_answer_that_finds_no_room_is_no_defect_and_nothing_is_applied(repo: Repository):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [MLOPS, "apply", "--auto-approve"],
            check=False,
            cwd=repo.folder,
            env=environ(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "mlops: the system refuses: [Errno 28] No space left on device; --debug shows where it happened\n"
    )
    assert not (repo.folder / "live.jsonl").exists()
    repo.apply()
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")


@pytest.mark.parametrize("words", [("plan", "--out"), ("state", "export")])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(applied: Repository, words: tuple[str, ...]):
    os.mkfifo(applied.folder / "pipe")
    assert "not a regular file" in applied.mlops(*words, "pipe", code=1).err
    assert (applied.folder / "pipe").is_fifo()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command: str):
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Example" in shown.output


def test_without_a_command_the_help_is_shown(repo: Repository):
    assert "Exit codes:" in repo.mlops().out


def test_an_address_that_is_nowhere_is_refused_with_the_nearest(applied: Repository):
    said = applied.mlops("plan", "--only", "deployment/credit/blu", code=1).err
    assert (
        "--only deployment/credit/blu: it is neither defined nor recorded; did you mean deployment/credit/blue?" in said
    )


GROUPS = sorted({name.split()[0] for name in COMMANDS if " " in name and name.split()[0] not in COMMANDS})


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]], ids=str)
@pytest.mark.parametrize("group", GROUPS)
def test_the_first_of_two_words_shows_what_may_follow_it(group: str, words: list[str]):
    shown = CliRunner().invoke(app, [group, *words])
    assert shown.exit_code == 0
    listed = [line.split()[0] for line in shown.output.partition("Commands:\n")[2].splitlines()]
    assert sorted(f"{group} {name}" for name in listed) == [name for name in COMMANDS if name.startswith(f"{group} ")]


@pytest.mark.parametrize("name", [name for name in COMMANDS if " " in name and name.split()[0] in COMMANDS])
def test_the_help_of_a_command_names_those_that_begin_like_it(name: str):
    assert f"\n    mlops {name}\n" in CliRunner().invoke(app, [name.split(maxsplit=1)[0], "--help"]).output


def test_a_misspelt_second_word_is_answered_with_the_nearest(repo: Repository):
    said = repo.mlops("online-endpoint", "shwo", code=1).err
    assert said == (
        "mlops: No such command 'shwo'. Did you mean 'show'?\n"
        "mlops: `mlops online-endpoint --help` shows what it takes\n"
    )


def test_a_file_that_two_paths_name_is_read_once(applied: Repository):
    assert "No changes" in applied.mlops("plan", "manifests/blue.yml", "manifests").out


def test_an_apply_whose_reader_goes_away_goes_on_to_its_end(repo: Repository):
    with repo.started("apply", "--auto-approve") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, "")
    assert repo.steps() == []


def test_a_plan_or_a_record_without_end_is_refused(repo: Repository):
    for words in (("apply", "--plan", "/dev/zero"), ("state", "import", "/dev/zero")):
        assert "cannot be read: it holds more than 268435456 bytes" in repo.mlops(*words, code=1).err
