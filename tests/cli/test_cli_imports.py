"""What a command does not need it does not load: a run begins fast."""

import importlib
import inspect
import subprocess
import sys

import pytest
from command_line import PATIENCE_S, Repository, environ

from reconciler.cli.table import COMMANDS, SAID

LOADED = """
import os
import sys
os._exit = sys.exit
sys.argv = ["mlops", *sys.argv[1:]]
from reconciler.cli.main import main
try:
    main()
except SystemExit as ended:
    print("exit", ended.code or 0, file=sys.stderr)
for name in sorted(sys.modules):
    print(name, file=sys.stderr)
"""


def loaded(repo: Repository, *words: str) -> set[str]:
    """The top modules that a command line loads."""
    return {name.partition(".")[0] for name in modules(repo, *words)}


def modules(repo: Repository, *words: str) -> list[str]:
    """The modules that a command line loads."""
    argv = [sys.executable, "-c", LOADED, *words]
    unmeasured = {name: value for name, value in environ().items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        argv, check=False, cwd=repo.folder, env=unmeasured, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stderr.startswith("exit 0\n"), done.stderr
    return done.stderr.splitlines()[1:]


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["plan", "--help"], ["debug", "--help"]])
def test_help_loads_no_library_of_a_stage(repo: Repository, words: list[str]):
    heavy = {
        "yaml",
        "git",
        "docker",
        "rich",
        "jsonschema",
        "jsonschema_rs",
        "deepdiff",
        "sqlite3",
        "psycopg",
        "psutil",
        "uvicorn",
        "debugpy",
    }
    assert loaded(repo, *words) & heavy == set()


def test_a_plan_without_changes_loads_only_what_reads(applied: Repository):
    heavy = {"git", "docker", "rich", "deepdiff", "jsonschema", "psutil", "psycopg", "jmespath", "uvicorn", "envoy"}
    assert loaded(applied, "plan") & heavy == set()


def test_a_plan_of_a_local_target_loads_neither_docker_nor_git(local: Repository):
    assert loaded(local, "plan") & {"git", "docker", "rich", "deepdiff", "jsonschema", "uvicorn", "envoy"} == set()


def test_a_plan_that_names_authors_asks_git_and_loads_no_library_for_it(applied: Repository):
    applied.git("init", "-q")
    applied.git("add", "--all")
    applied.git("commit", "-qm", "one")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    heavy = {"git", "docker", "rich", "deepdiff", "jsonschema", "psutil", "psycopg", "jmespath", "uvicorn", "envoy"}
    assert loaded(applied, "plan") & heavy == set()


def test_an_apply_writes_down_its_commit_and_loads_no_library_for_it(applied: Repository):
    applied.git("init", "-q")
    applied.git("add", "--all")
    applied.git("commit", "-qm", "one")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert loaded(applied, "apply", "--auto-approve") & {"git", "docker", "deepdiff", "jsonschema"} == set()


def test_content_in_a_store_elsewhere_loads_nothing_of_it_for_a_plan_or_a_drift(applied: Repository):
    applied.edit("mlops.yaml", "default: true", "default: true, assets: 's3://bucket/prefix'")
    for words in (["plan"], ["drift"]):
        assert loaded(applied, *words) & {"fsspec", "s3fs", "aiohttp", "botocore"} == set()


def test_content_in_the_folder_of_a_target_is_laid_down_without_fsspec(local: Repository):
    assert loaded(local, "apply", "manifests/risk-1.yml", "--auto-approve") & {"fsspec"} == set()


def test_showing_an_endpoint_of_a_local_target_loads_nothing_that_plans_builds_or_calls(local: Repository):
    local.mlops("online-endpoint", "create", "--name", "credit")
    found = modules(local, "online-endpoint", "show", "--name", "credit")
    heavy = {"git", "docker", "rich", "jsonschema_rs", "psutil", "psycopg", "jmespath", "uvicorn", "uv"}
    brought = {"ssl", "http.client", "email", "logging", "importlib.metadata", "concurrent.futures"}
    stages = {
        "pipeline",
        "wanted",
        "apply",
        "diff",
        "order",
        "preflight",
        "resolve",
        "judging",
        "executing",
        "load.manifests",
    }
    assert {name.partition(".")[0] for name in found} & heavy == set()
    assert set(found) & (brought | {f"reconciler.{name}" for name in stages}) == set()
    assert [name for name in found if name.startswith("reconciler.cli.online_endpoint")] == [
        "reconciler.cli.online_endpoint_looking"
    ]


def test_a_command_that_leaves_its_work_to_a_worker_loads_nothing_for_it(applied: Repository):
    heavy = {"yaml", "sqlite3", "jsonschema_rs", "jmespath", "psutil"}
    words = ("online-endpoint", "delete", "-n", "nowhere", "--yes", "--no-wait", "--only-show-errors")
    assert loaded(applied, *words) & heavy == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_its_own_first_words_are(name: str):
    module, _, function = COMMANDS[name].partition(":")
    told = inspect.getdoc(getattr(importlib.import_module(f"reconciler.cli.{module}"), function)) or ""
    assert SAID[name] == " ".join(told.split("\n\n")[0].split())


def test_help_loads_no_command(repo: Repository):
    places = {f"reconciler.cli.{place.partition(':')[0]}" for place in COMMANDS.values()}
    assert places.isdisjoint(modules(repo, "--help"))


def test_the_version_is_said_without_what_reads_a_command_line(repo: Repository):
    assert loaded(repo, "--version") & {"typer", "inspect", "hashlib", "subprocess"} == set()
