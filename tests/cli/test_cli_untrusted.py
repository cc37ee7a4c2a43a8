"""A pull request of anybody's may be planned and validated: nothing in it runs, and offline no connection is opened."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from audited import Audited, audited
from command_line import PATIENCE_S, Repository
from hostile_repository import hostile, touch_everything

import reconciler
from reconciler.errors import RefusedError
from reconciler.load.repository.private import refuse_tracked
from tests.engine.fixtures import lacking
from tests.faults.collector import Collector, collector

SOCKETS = ("socket.", "http.client", "urllib")
PROGRAMS = ("subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "pty.")
OFFLINE = [["plan", "--offline"], ["validate", "--offline"], ["plan", "--offline", "--format", "markdown"]]
ALL_NEW = "Plan: 4 to create, 1 to route; 0 unchanged (target dev, against its record alone).\n"


@pytest.fixture
def without_network() -> list[str]:
    """The words that run a program where there is no network, not even the machine's own."""
    words = ["unshare", "--net", "--"]
    try:
        subprocess.run([*words, "true"], check=True, capture_output=True, timeout=PATIENCE_S)
    except (OSError, subprocess.CalledProcessError) as error:
        lacking(f"no network can be taken away: {error}", "netns")
    return words


@pytest.mark.parametrize("words", OFFLINE, ids=" ".join)
def test_offline_no_socket_is_made_and_no_program_started(repo: Repository, words: list[str]):
    mark = hostile(repo)
    seen = audited(repo, *words)
    assert (seen.of(*SOCKETS), seen.run_from(repo.folder), mark.exists()) == ([], [], False)
    assert programs(seen) <= ({"git"} if "plan" in words else set())


def test_offline_without_blame_not_even_git_is_started(repo: Repository):
    hostile(repo)
    assert programs(audited(repo, "plan", "--offline", "--no-blame")) == set()


def programs(seen: Audited) -> set[str]:
    """The names of the programs that were started; what git starts in turn would leave the mark."""
    started = seen.of(*PROGRAMS)
    assert all(event == "subprocess.Popen" for event, _ in started)
    return {Path(text.split("'")[1]).name for _, text in started}


def test_offline_the_hook_would_have_seen_a_socket(repo: Repository):
    """What proves that nothing was seen must be able to see."""
    repo.edit(
        "mlops.yaml", "provider: memory, file: live.jsonl", "provider: docker, docker: {host: 'tcp://127.0.0.1:9'}"
    )
    seen = audited(repo, "plan", code=1)
    assert seen.of("socket.connect")


@pytest.mark.parametrize("words", OFFLINE, ids=" ".join)
def test_offline_works_where_there_is_no_network(repo: Repository, without_network: list[str], words: list[str]):
    seen = audited(repo, *words, before=without_network)
    assert "4 to create" in seen.out or "4 resources: 0 errors" in seen.out


@pytest.mark.parametrize("provider", ["memory", "local", "docker"])
def test_offline_no_platform_is_asked(repo: Repository, provider: str):
    repo.write(
        "mlops.yaml", f"manifests: manifests\ntargets:\n  dev: {{provider: {provider}, host: 'tcp://127.0.0.1:9'}}\n"
    )
    if provider == "memory":
        repo.write("live.jsonl", "no object of a memory target")
    planned = audited(repo, "plan", "--offline")
    assert planned.out.endswith(ALL_NEW)
    assert planned.of(*SOCKETS, *PROGRAMS) == []


def test_offline_a_plan_is_made_against_the_record(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    applied.write("live.jsonl", "")
    told = applied.mlops("plan", "--offline").out
    assert "#1 ~ scale deployment/credit/blue (instance_count changed)" in told
    assert told.endswith("Plan: 1 to scale; 3 unchanged (target dev, against its record alone).\n")


def test_offline_without_a_record_none_is_made(repo: Repository):
    before = sorted(repo.folder.rglob("*"))
    assert repo.mlops("plan", "--offline").out.endswith(ALL_NEW)
    assert sorted(repo.folder.rglob("*")) == before


def test_offline_a_plan_says_so_in_json(repo: Repository):
    assert repo.mlops("plan", "--offline", "--format", "json").json["offline"] is True
    assert repo.mlops("plan", "--format", "json").json["offline"] is False


@pytest.mark.parametrize("state", ["postgresql://u:hunter2@127.0.0.1:9/x", "postgres://u:hunter2@db/x"])
def test_offline_a_record_elsewhere_is_refused(repo: Repository, state: str):
    repo.edit("mlops.yaml", "default: true", f"default: true, state: '{state}'")
    told = repo.mlops("plan", "--offline", code=4)
    assert "offline no connection is opened" in told.err
    assert "hunter2" not in told.out + told.err


def test_offline_a_record_outside_the_repository_is_not_read(applied: Repository):
    outside = applied.folder.parent / "outside.db"
    (applied.folder / ".mlops" / "state.db").rename(outside)
    applied.edit("mlops.yaml", "file: live.jsonl", "file: live.jsonl, state: ../outside.db")
    said = applied.mlops("plan", "--offline", code=4).err
    assert "its record is at ../outside.db, outside the repository, and offline nothing there is read" in said


def test_offline_a_saved_plan_of_no_record_is_said_to_be_refused(repo: Repository):
    said = repo.mlops("plan", "--offline", "--out", "p.json").out
    assert "`mlops apply --plan p.json` refuses it: it was made without the record" in said
    repo.mlops("apply", "--plan", "p.json", code=6)


def test_offline_by_the_environment(repo: Repository):
    assert repo.mlops("plan", MLOPS_OFFLINE="1").out.endswith(ALL_NEW)


@pytest.mark.parametrize("words", [["apply", "--auto-approve"], ["drift"], ["status"], ["destroy", "--auto-approve"]])
def test_offline_by_the_environment_forbids_what_asks_a_platform(repo: Repository, words: list[str]):
    told = repo.mlops(*words, code=4, MLOPS_OFFLINE="1")
    assert "MLOPS_OFFLINE is set" in told.err
    assert not (repo.folder / "live.jsonl").exists()


@pytest.mark.parametrize(
    "words",
    ["list", "show endpoint/credit", "export", "export --backup 1", "unlock 3f9a61c2"],
)
def test_offline_by_the_environment_a_record_elsewhere_is_not_asked(repo: Repository, words: str):
    repo.edit("mlops.yaml", "default: true", "default: true, state: 'postgresql://u@127.0.0.1:9/x'")
    seen = audited(repo, "state", *words.split(), code=4, MLOPS_OFFLINE="1")
    assert ("offline no connection is opened" in seen.out + seen.err, seen.of(*SOCKETS)) == (True, [])


def test_offline_by_the_environment_a_record_that_is_a_file_is_shown(applied: Repository):
    assert "endpoint/credit" in applied.mlops("state", "list", MLOPS_OFFLINE="1").out


@pytest.fixture
def traces() -> Iterator[Collector]:
    with collector() as made:
        yield made


@pytest.mark.parametrize(
    ("words", "offline", "code"),
    [
        (("plan", "--offline"), "", 0),
        (("plan",), "1", 0),
        (("validate",), "yes", 0),
        (("apply", "--auto-approve"), "1", 4),
        (("status",), "1", 4),
        (("plan",), "whatever", 1),
    ],
)
def test_f39_offline_no_trace_is_sent_and_no_socket_made(
    repo: Repository, traces: Collector, words: tuple[str, ...], offline: str, code: int
):
    forbidding = {"MLOPS_OFFLINE": offline} if offline else {}
    seen = audited(repo, *words, code=code, **{"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, **forbidding})
    assert (traces.requests, seen.of(*SOCKETS)) == ([], [])


def test_f39_a_no_to_offline_is_none(repo: Repository, traces: Collector):
    seen = audited(repo, "plan", OTEL_EXPORTER_OTLP_ENDPOINT=traces.url, MLOPS_OFFLINE="0")
    assert (len(traces.requests), bool(seen.of("socket.connect"))) == (1, True)


def test_offline_nobody_can_say_what_drifted(repo: Repository):
    repo.mlops("plan", "--offline", "--refresh-only", code=1)


@pytest.mark.parametrize("folder", ["", "manifests", "manifests/src"])
def test_nothing_of_the_repository_is_imported_wherever_one_stands(repo: Repository, folder: str):
    """The command itself as it is installed, with no hook around it, and with files that a plan reads broken or new."""
    mark = hostile(repo)
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: one")
    repo.mlops("validate", code=1, below=folder)
    repo.edit("manifests/blue.yml", "instance_count: one", "instance_count: 2")
    touch_everything(repo)
    said = repo.mlops("plan", below=folder)
    assert not mark.exists()
    # Git has looked at a file that differs, and has told of the others whose they are.
    assert re.search(r"instance_count +2 +\[\S*blue\.yml:\d+ not committed\]", said.out)
    assert " ana@example.org]" in said.out


REVISIONS = ["HEAD:manifests", "HEAD~1:manifests", "main@{0}:manifests"]


def test_a_revision_is_read_and_nothing_of_the_repository_runs(repo: Repository):
    mark = hostile(repo)
    touch_everything(repo)
    for revision in REVISIONS:
        seen = audited(repo, "plan", revision, "--offline")
        assert seen.out.endswith(ALL_NEW)
        assert seen.of(*SOCKETS) == []
        started = [text.split("[")[1].split(", ")[:2] for _, text in seen.of("subprocess.")]
        assert {Path(program.strip("'")).name for program, _ in started} == {"git"}
        assert {word.strip("'])") for _, word in started} <= {
            *("version", "rev-parse", "ls-tree", "cat-file", "ls-files", "rev-list", "diff-tree")
        }
        assert (seen.run_from(repo.folder), mark.exists()) == ([], False)


def test_an_apply_asks_git_where_it_is_and_runs_nothing_of_the_repository(repo: Repository):
    mark = hostile(repo)
    touch_everything(repo)
    repo.apply()
    assert not mark.exists()
    run = repo.mlops("status", "--format", "json").json["last_run"]
    # Every file was touched, so that git has looked at its content, and every one is as it was committed.
    assert (len(run["commit"]), run["dirty"]) == (40, False)


def test_a_checkout_that_was_only_touched_is_clean(repo: Repository):
    repo.write(".gitignore", ".mlops\nlive.jsonl\n")
    repo.git("init", "-q")
    repo.git("add", "--all")
    repo.git("commit", "-qm", "one")
    touch_everything(repo)
    repo.apply()
    assert repo.mlops("status", "--format", "json").json["last_run"]["dirty"] is False


NO_REVISIONS = [
    "--upload-pack=touch it-ran:manifests",
    "--output=it-ran:manifests",
    "-c:manifests",
    "HEAD --output=it-ran:manifests",
    "HEAD\n--all:manifests",
    "$(touch it-ran):manifests",
    "ext::sh -c touch% it-ran:manifests",
    "HEAD^{/--output=x}:manifests",
]


def test_a_revision_that_looks_like_an_option_is_none(repo: Repository):
    mark = hostile(repo)
    before = sorted(repo.folder.rglob("*"))
    for revision in NO_REVISIONS:
        told = repo.mlops("plan", "--offline", "--", revision, code=1)
        assert "E-GIT" in told.err
    assert (mark.exists(), sorted(repo.folder.rglob("*"))) == (False, before)


def test_a_blob_that_a_partial_clone_lacks_is_not_fetched(repo: Repository):
    mark = hostile(repo)
    blob = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "rev-parse", "HEAD:mlops.yaml"],
        cwd=repo.folder, check=True, capture_output=True, text=True, timeout=PATIENCE_S,
    ).stdout.strip()  # fmt: skip
    (repo.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    told = repo.mlops("plan", "HEAD:manifests", "--offline", code=1)
    assert "missing from the repository" in told.err
    assert not mark.exists()


def test_a_git_that_lies_in_the_repository_is_not_the_one_that_is_called(repo: Repository):
    mark = hostile(repo)
    fake = repo.folder / "git"
    fake.write_text(f"#!/bin/sh\ntouch {mark}\n")
    fake.chmod(0o755)
    for path in (".", "", "manifests/.."):
        repo.mlops("plan", "HEAD:manifests", "--offline", PATH=f"{path}:{os.environ['PATH']}")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["cache/parsed-1.db", "state.db", "cache/revisions/x/y"])
def test_what_came_with_the_repository_is_no_record_and_no_cache(repo: Repository, name: str):
    repo.write(f".mlops/{name}", "whatever its author likes")
    repo.git("init", "-q")
    repo.git("add", "--force", "--all")
    repo.git("commit", "-qm", "one")
    for words in (["plan"], ["plan", "--offline"], ["plan", "HEAD:manifests"], ["apply", "--auto-approve"]):
        told = repo.mlops(*words, code=4)
        assert f".mlops/{name} came with the repository" in told.err


def test_it_is_none_either_where_a_link_leads_into_the_repository(repo: Repository, tmp_path: Path):
    repo.write("below/.mlops/state.db", "whatever its author likes")
    repo.git("init", "-q")
    repo.git("add", "--force", "--all")
    link = tmp_path / "a link"
    link.symlink_to(repo.folder / "below")
    with pytest.raises(RefusedError, match="came with the repository"):
        refuse_tracked(str(link))


@pytest.mark.parametrize("form", [("--index-version", "4"), ("--split-index",)])
def test_it_is_none_either_where_git_s_index_does_not_spell_its_name(repo: Repository, form: tuple[str, ...]):
    repo.write(".mlopr", "the name before it, of which version 4 keeps what is alike")
    repo.write(".mlops/state.db", "whatever its author likes")
    repo.git("init", "-q")
    repo.git("add", "--force", "--all")
    repo.git("update-index", *form)
    assert b".mlops" not in (repo.folder / ".git" / "index").read_bytes()
    told = repo.mlops("plan", code=4)
    assert ".mlops/state.db came with the repository" in told.err


def test_it_is_none_either_where_the_settings_lie_below_the_repository_s_root(repo: Repository):
    repo.write("services/credit/mlops.yaml", "targets:\n  dev: {provider: memory, default: true}\n")
    repo.write("services/credit/.mlops/state.db", "whatever its author likes")
    repo.git("init", "-q")
    repo.git("add", "--force", "--all")
    for folder in ("services/credit", "services/credit/.mlops"):
        told = repo.mlops("plan", below=folder, code=4)
        assert ".mlops/state.db came with the repository" in told.err


def test_a_link_in_place_of_the_record_s_folder_is_refused(repo: Repository):
    (repo.folder.parent / "elsewhere").mkdir()
    (repo.folder / ".mlops").symlink_to("../elsewhere")
    repo.git("init", "-q")
    repo.git("add", "--force", "--all")
    repo.mlops("plan", code=4)
    assert list((repo.folder.parent / "elsewhere").iterdir()) == []


def test_a_file_that_merely_sounds_like_it_is_no_matter(repo: Repository):
    repo.write("manifests/a.mlops/x.txt", "")
    repo.git("init", "-q")
    repo.git("add", "--all")
    assert len(repo.steps()) == 5


def test_one_file_alone_says_how_git_is_called():
    """So that what holds for one call holds for every call; the other one takes its program and environment from it."""
    package = Path(reconciler.__file__).parent
    assert [str(file.relative_to(package)) for file in sorted(package.rglob("*.py")) if _calls_git(file)] == [
        "load/repository/direct.py",
        "load/repository/git.py",
    ]


def _calls_git(file: Path) -> bool:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    words = [
        node.elts[0] if isinstance(node, (ast.List, ast.Tuple)) and node.elts else node
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for node in call.args
    ]
    called = any(isinstance(word, ast.Constant) and word.value == "git" for word in words)
    names = {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    return "git" in imported or "program" in names or called


def test_a_cache_that_came_with_the_repository_is_refused_before_it_is_opened(applied: Repository):
    applied.git("init", "-q")
    applied.mlops("plan")
    assert caches_opened(audited(applied, "plan"))
    applied.git("add", "--force", "--all")
    applied.git("commit", "-qm", "one")
    assert caches_opened(audited(applied, "plan", code=4)) == []


def caches_opened(seen: Audited) -> list[str]:
    return [text for _, text in seen.of("sqlite3.connect") if ".mlops/cache" in text]
