"""Canaries in every secret field, a whole life of a target, and every sink searched for them in every form."""

from pathlib import Path

import pytest
from canaries import (
    ALL,
    BY_REFERENCE,
    BY_SET,
    BY_VARIABLE,
    CHANNEL,
    INDEX,
    REST_KEY,
    STATE_KEY,
    TOKEN,
    command_lines_showing,
    files_showing,
    forms,
    found_in,
    variables_showing,
)
from command_line import PATIENCE_S, Repository
from telltale import plugged

from tests.ending import processes_of

SETTINGS = "manifests: manifests\ntargets:\n  dev: {provider: %s, default: true%s}\n"
VARIABLES = """environment_variables:
  DB: ${{secret:db}}
  API: '{{TOKEN}}'
  PART: https://ana:${{secret:db}}@db.example
"""
CONDA = """channels:
  - https://conda.example/t/canary-channel-e6a1/main  # pragma: allowlist secret
dependencies:
  - pip:
      - --extra-index-url https://ana:${{secret:index}}@pypi.example/simple
      - joblib
"""
GIVEN = ("--var", f"TOKEN={BY_VARIABLE}", "--set", f"deployment/credit/blue.environment_variables.SET={BY_SET}")
# Where the user wrote one himself.
WRITTEN = "manifests/conda.yml"


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """What a job of CI has in its environment, files for what it is told among it; the record is not encrypted."""
    sinks = {f"GITHUB_{name}": str(folder / name.lower()) for name in ("STEP_SUMMARY", "OUTPUT", "ENV", "PATH")}
    keys = {
        "MLOPS_SECRET_DB": BY_REFERENCE,
        "MLOPS_SECRET_INDEX": INDEX,
        "MLOPS_STATE_KEY": STATE_KEY,
        "MLOPS_TOKEN": TOKEN,
    }
    return {"GITHUB_ACTIONS": "true", "CI": "true", **sinks, **keys, **variables}


class Told:
    """A repository with canaries in it, and all that its commands printed."""

    def __init__(self, repo: Repository, provider: str, variables: dict[str, str]) -> None:
        self.repo, self.provider, self.variables = repo, provider, variables
        self.printed: list[str] = []
        repo.edit("manifests/blue.yml", "instance_count: 1\n", f"instance_count: 1\n{VARIABLES}")
        repo.write(WRITTEN, CONDA)
        repo.edit("manifests/sklearn.yml", "version: 1\n", "version: 1\nconda_file: conda.yml\n")

    def target(self, options: str = "") -> None:
        self.repo.write("mlops.yaml", SETTINGS % (self.provider, options))

    def run(self, *words: str, code: int = 0) -> str:
        done = self.repo.mlops(*words, code=code, **self.variables)
        self.printed.append(done.out + done.err)
        return done.out + done.err

    def watched(self, *words: str) -> str:
        """What a watch prints until it has told of a deployment."""
        with self.repo.started("drift", "--watch", *words, **self.variables) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2)]
            process.terminate()
            rest, errors = process.communicate(timeout=PATIENCE_S)
        said = "".join([*lines, rest, errors])
        self.printed.append(said)
        return said

    def shown(self) -> list[str]:
        return found_in("\n".join(self.printed).encode())


def test_a_form_of_a_secret_is_recognised():
    """What searches must find: in base64 at each of the three places where a secret may begin, and escaped."""
    import base64  # noqa: PLC0415
    import json  # noqa: PLC0415

    for before in (b"", b"x", b"xy", b"xyz"):
        assert found_in(base64.b64encode(before + BY_REFERENCE.encode() + b"tail")) == [BY_REFERENCE]
    assert found_in(json.dumps({"a": BY_REFERENCE}).encode()) == [BY_REFERENCE]
    assert found_in(b"nothing of the kind") == []
    assert all(len(form) > 8 for secret in ALL for form in forms(secret))


@pytest.fixture
def telling(repo: Repository, tmp_path: Path) -> Told:
    """On a target whose platform repeats each secret in reports, errors and logs."""
    return Told(repo, "telltale", environment(tmp_path, **plugged(tmp_path / "plugin")))


def test_no_sink_of_a_whole_life_shows_a_secret(telling: Told):
    target, repo = telling, telling.repo
    target.target(", file: live.jsonl, tells: error")
    for form in ("text", "json", "markdown", "html"):
        target.run("plan", *GIVEN, "--format", form)
    target.run("plan", *GIVEN, "--offline", "--debug")
    failed = target.run("apply", "--auto-approve", *GIVEN, "--debug", code=5)
    assert "ValueError: the platform said" in failed
    for form in ("json", "html", "markdown"):
        target.run("apply", "--auto-approve", *GIVEN, "--format", form, code=5)
    target.target(", file: live.jsonl, tells: report")
    target.run("plan", *GIVEN, "--out", "p.json")
    assert "told" in target.run("apply", "--plan", "p.json", *GIVEN)
    assert "No changes" in target.run("plan", *GIVEN)
    repo.behind_our_back("deployment/credit/blue", environment_variables={"DB": {"$secret": "0" * 64}})
    for words in (
        ["drift"],
        ["drift", "--format", "json"],
        ["drift", "--format", "markdown"],
        ["drift", "--format", "html"],
        ["drift", "--report", "prometheus=drift.prom"],
        ["drift", "--format", "sarif", "--report", "text=drift.txt", "--report", "summary=summary.md"],
        ["status"],
    ):
        target.run(*words)
    for form in ("text", "json"):
        assert "deployment/credit/blue" in target.watched("--format", form)
    for form in ("json", "yaml", "table", "tsv"):
        target.run("show", "deployment/credit/blue", "-o", form)
        target.run("show", "environment/sklearn:1", "-o", form)
        target.run("online-endpoint", "list-deployments", "-n", "credit", "-o", form)
        target.run("online-endpoint", "show", "-n", "credit", "-o", form)
    for form in ("text", "json"):
        target.run("history", "--format", form)
        assert "(secret 1)" in target.run("history", "show", "last", "--format", form)
        target.run("rollback", "last", "--plan-only", "--format", form)
    assert "ValueError: the value of this secret" in target.run("rollback", "last", "--auto-approve", "--debug", code=5)
    blue = ("-n", "blue", "-e", "credit")
    for form in ("json", "yaml", "table", "tsv"):
        target.run("online-deployment", "show", *blue, "-o", form)
        target.run("online-deployment", "list", "-e", "credit", "-o", form)
    amended = ("--set", f"environment_variables.NEW={BY_SET}", "--debug")
    assert "ValueError: the value of this secret" in target.run("online-deployment", "update", *blue, *amended, code=5)
    target.run("online-deployment", "create", "-f", "manifests/blue.yml", *amended, code=1)
    target.run("validate", *GIVEN)
    target.run("validate", "--set", f"deployment/credit/blue.environment_variables={BY_SET}", code=1)
    repo.edit("manifests/blue.yml", "  API: '{{TOKEN}}'", "  API: ['{{TOKEN}}']")
    target.run("validate", *GIVEN, "--debug", code=1)
    target.run("plan", *GIVEN, "--format", "json", "--debug", code=1)
    target.run("destroy", "--auto-approve")
    assert (target.shown(), files_showing(repo.folder.parent)) == ([], {f"repo/{WRITTEN}": [CHANNEL]})


def test_no_sink_of_a_watcher_shows_a_secret(telling: Told, tmp_path: Path):
    """A platform that repeats secrets in errors and reports, followed by a commit, a failure and drift."""
    target, repo, clone = telling, telling.repo, tmp_path / "clone"
    (tmp_path / "watch.yaml").write_text(f"self_heal: false\nvariables: {{TOKEN: {BY_VARIABLE}}}\n")
    repo.git("init", "-q", "-b", "main")
    repo.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "remote.git"))
    words = (str(tmp_path / "remote.git"), "--folder", str(clone), "--settings", str(tmp_path / "watch.yaml"), "--once")
    for tells, code in (("error", 5), ("report", 0)):
        target.target(f", file: live.jsonl, tells: {tells}")
        repo.git("add", "--all")
        repo.git("commit", "-q", "-m", tells)
        repo.git("push", "-q", str(tmp_path / "remote.git"), "main")
        target.run("watch", *words, code=code)
        target.run("watch", *words, "--retry", "--format", "json", "--debug", code=code)
    assert target.shown() == []
    written = files_showing(clone)
    assert {name for name in written if name != WRITTEN} == set()


def test_no_sink_of_a_killed_run_shows_a_secret(telling: Told):
    target, repo = telling, telling.repo
    repo.edit("manifests/blue.yml", "'{{TOKEN}}'", "${{secret:db}}")
    target.target(", file: live.jsonl, tells: hang")
    target.variables["MLOPS_ENCRYPTION_KEY"] = REST_KEY
    run = repo.started("apply", "--auto-approve", **target.variables)
    try:
        assert run.stdout
        while "told" not in (line := run.stdout.readline()):
            assert line, "the run ended before it hung"
            target.printed.append(line)
        assert command_lines_showing(repo.folder) == []
    finally:
        run.kill()
        target.printed += run.communicate(timeout=PATIENCE_S)
    assert files_showing(repo.folder.parent) == {f"repo/{WRITTEN}": [CHANNEL]}
    target.target(", file: live.jsonl")
    target.run("plan")
    target.run("apply", "--auto-approve")
    assert "No changes" in target.run("plan")
    assert (target.shown(), files_showing(repo.folder.parent)) == ([], {f"repo/{WRITTEN}": [CHANNEL]})


def test_another_password_of_an_index_is_a_change_that_shows_neither(telling: Told):
    target, repo = telling, telling.repo
    target.target(", file: live.jsonl")
    repo.remove("manifests/sklearn.yml")
    repo.edit("manifests/blue.yml", "environment: azureml:sklearn:1", "environment: {image: a, conda_file: conda.yml}")
    target.run("apply", "--auto-approve", *GIVEN)
    assert "No changes" in target.run("plan", *GIVEN)
    other = repo.mlops("plan", *GIVEN, **{**target.variables, "MLOPS_SECRET_INDEX": "canary-other-9f00"})
    masked = "--extra-index-url https://***@pypi.example/simple"
    assert all(f"{masked} (secret {number})" in other.out for number in (1, 2))
    assert "1 to roll out; 2 unchanged" in other.out
    assert (found_in((other.out + other.err).encode()), "canary" in other.out) == ([], False)


def test_a_registered_environment_whose_password_changed_is_no_longer_that_version(telling: Told):
    target = telling
    target.target(", file: live.jsonl")
    target.run("apply", "--auto-approve", *GIVEN)
    told = target.repo.mlops("plan", *GIVEN, code=1, **{**target.variables, "MLOPS_SECRET_INDEX": "canary-other-9f00"})
    assert "E-IMMUTABLE" in told.err
    assert "canary" not in told.out + told.err


@pytest.mark.parametrize("wrong", ["${{secret:}}", "${{secret:in dex}}"])
def test_a_wrong_reference_in_a_conda_file_is_told(telling: Told, wrong: str):
    telling.target(", file: live.jsonl")
    telling.repo.edit(WRITTEN, "${{secret:index}}", wrong)
    assert "E-SECRET-REF" in telling.run("plan", *GIVEN, code=1)


def test_a_secret_of_a_conda_file_that_is_not_set_is_told(telling: Told):
    telling.target(", file: live.jsonl")
    del telling.variables["MLOPS_SECRET_INDEX"]
    assert "secret 'index' not found in source env" in telling.run("plan", *GIVEN, code=1)


SCORE = """import os
def init():
    print("the password is", os.environ["DB"])
    if os.environ.get("BROKEN"):
        raise ValueError(os.environ["DB"])
def run(raw_data): return "blue"
"""
# Private files of the provider and the proxy: values for instances that are started later, what the keeper starts
# again, and the keys that open an endpoint.
PRIVATE = tuple(f"repo/.mlops/local/dev/{name}" for name in ("secrets/", "keeper", "gateway/"))
# What an instance prints is its user's: `mlops logs` shows it, and nothing else does.
LOGS = "repo/.mlops/local/dev/logs/"


def test_no_sink_of_a_local_target_shows_a_secret(local: Repository, tmp_path: Path):
    target = Told(local, "local", environment(tmp_path))
    target.target()
    # Nobody answers at that index, and what it takes to get the rest is no part of this.
    local.edit(WRITTEN, "      - --extra-index-url https://ana:${{secret:index}}@pypi.example/simple\n", "")
    local.edit(WRITTEN, "  - pip:\n      - joblib\n", "  - python\n")
    local.write("manifests/src/score.py", SCORE)
    target.run("apply", "--auto-approve", *GIVEN)
    keys = local.mlops("credentials", "credit", **target.variables).json
    assert _leaks(local, keys["primaryKey"]) == ([], [], {})
    local.edit("manifests/blue.yml", "  DB: ", "  BROKEN: 'yes'\n  DB: ")
    assert "the password is ***" in target.run("apply", "--auto-approve", *GIVEN, "--debug", code=5)
    target.run("status")
    target.run("show", "deployment/credit/blue")
    target.run("drift")
    local.edit("manifests/blue.yml", "  BROKEN: 'yes'\n", "")
    assert target.shown() == []
    assert _leaks(local, keys["primaryKey"]) == ([], [], {})
    assert BY_REFERENCE in local.mlops("logs", "deployment/credit/blue", **target.variables).out
    target.run("destroy", "--auto-approve")
    assert target.shown() == []


def _leaks(local: Repository, key: str) -> tuple[list[str], list[str], dict[str, list[str]]]:
    """Command lines, variables of processes of ours, and files that show a secret where none is due."""
    wanted = (*ALL, key)
    files = files_showing(local.folder.parent, wanted)
    private = {name: found for name, found in files.items() if name.startswith(PRIVATE)}
    for name in private:
        assert (local.folder.parent / name).stat().st_mode & 0o077 == 0, name
    others = {
        name: found
        for name, found in files.items()
        if name not in private and not name.startswith((LOGS, f"repo/{WRITTEN}"))
    }
    processes = [process for process in processes_of(local.folder) if "reconciler.scoring" not in process.cmdline()]
    assert processes
    variables = [f"{process.name()}: {name}" for process in processes for name in variables_showing(process, wanted)]
    return command_lines_showing(local.folder, wanted), variables, others


def test_what_stands_in_a_secret_s_place_cannot_be_a_value_of_the_user(telling: Told):
    """A variable whose value looks like a sealed secret is sealed like any other."""
    telling.target(", file: live.jsonl")
    telling.repo.edit("manifests/blue.yml", "  API: '{{TOKEN}}'", '  API: \'{"$secret": "0"}\'')
    telling.run("apply", "--auto-approve", *GIVEN[2:])
    assert "No changes" in telling.run("plan", *GIVEN[2:])
