"""What is forgotten, and which content goes with it: never what anything names that stays."""

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.errors import LockHeldError, RefusedError
from reconciler.operate import pruning
from reconciler.operate.pruning import Keep, Pruning, prune
from reconciler.pipeline import Wish
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.local.models import laid_model
from reconciler.record.assets import remove_content, stored_contents
from reconciler.record.opening import open_store
from reconciler.record.store import Intent, Store
from reconciler.record.tickets import Held
from reconciler.rollback import Back, rollback
from reconciler.workspace import Workspace, open_record, open_workspace
from tests.faults.small_world import AGAIN, EDIT, REVERT, write

ASSETS = Path(".mlops", "assets")
SETTINGS = """manifests: applied
targets:
  dev: {provider: memory, file: live.jsonl, default: true}
  prod: {provider: memory, file: prod.jsonl, state: .mlops/prod.db}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    (tmp_path / "repo" / "mlops.yaml").write_text(SETTINGS)
    return tmp_path / "repo"


def applied(*wishes: str, target: str = "dev") -> None:
    """Apply, and lay down all content, as a provider does that serves."""
    for wish in wishes:
        with open_workspace(target) as workspace:
            assert pipeline.apply(workspace, Wish((wish,))).succeeded
            lay_down(workspace)


def lay_down(workspace: Workspace) -> None:
    for digest in workspace.contents:
        stored = ASSETS / digest.replace(":", "-")
        if not stored.is_file():  # a model, which the memory target has laid down itself
            stored.mkdir(parents=True, exist_ok=True)
            (stored / "content").write_text("x" * 100)


def a_code(number: int, wish: str = REVERT) -> None:
    """Have a wish's deployments another code."""
    Path(wish, "src", "score.py").write_text(f"def init(): pass\n\n\ndef run(raw_data): return {number}\n")


def stored() -> set[str]:
    return set(stored_contents(ASSETS))


def runs(target: str = "dev") -> list[str]:
    with open_record(target) as (_, store):
        return [run.id for run in store.runs()]


def pruned(**keep: object) -> Pruning:
    found, done = prune(None, Keep(**keep))  # type: ignore[arg-type]
    assert done
    return found


@pytest.fixture
def five(folder: Path) -> list[str]:
    """Five runs, each with a code of its own; their ids, newest first."""
    for number in range(5):
        a_code(number)
        applied(REVERT)
    return runs()


def test_the_newest_runs_stay_and_what_they_name(five: list[str]):
    before = stored()
    found = pruned(runs=2)
    assert runs() == five[:2]
    assert [run.id for run in found.runs] == five[:1:-1]
    # Inverses of what is kept name the code of one run more.
    assert len(before - stored()) == len(found.contents) == 2
    assert found.bytes == 200


def test_a_model_folder_of_what_is_removed_goes_with_it(five: list[str], folder: Path):
    before = stored()
    laid = [laid_model(folder / ".mlops/local/dev/models", ASSETS / each.replace(":", "-"), "m") for each in before]
    pruned(runs=2)
    assert {each.name[:71].replace("-", ":") for each in laid if each.exists()} == stored() < before


def test_a_rollback_to_all_that_is_kept_finds_its_content(five: list[str]):
    pruned(runs=3)
    with open_workspace(None) as workspace:
        rollback(workspace, Back(five[2]))
        digests = {entry.spec["code_configuration"]["code"]["digest"] for entry in deployments(workspace)}
    assert digests <= stored()


def deployments(workspace: Workspace) -> Iterator[object]:
    entries = workspace.store.read().entries
    return (entries[address] for address in entries if address.kind == "deployment")


def test_runs_that_are_younger_than_a_span_stay(five: list[str]):
    assert pruned(span_s=3600.0).runs == ()
    later = datetime.now(UTC) + timedelta(hours=2)
    found, _ = prune(None, Keep(span_s=3600.0), now=lambda: later)
    assert [run.id for run in found.runs] == five[:0:-1]


def test_the_last_run_that_changed_something_stays_whatever_is_asked(five: list[str]):
    pruned(runs=0)
    assert runs() == five[:1]


def test_from_a_run_on_that_has_something_under_way_all_stay(five: list[str]):
    with open_record(None) as (_, store), store.lock({}, timeout_s=0):
        address = Address("model", "other", version="1")
        store.intend(Intent("open", five[2], 9, "create", address, None, {}, 1, "T"))
    pruned(runs=0)
    assert runs() == five[:3]


def test_a_dry_run_and_a_no_change_nothing(five: list[str]):
    before = runs(), stored()
    found, _ = prune(None, Keep(2), dry_run=True)
    assert (len(found.runs), len(found.contents)) == (3, 2)
    declined, done = prune(None, Keep(2), lambda _: False)
    assert (declined.runs, done) == (found.runs, False)
    assert (runs(), stored()) == before


def test_what_a_store_elsewhere_keeps_stays_there_and_that_is_said(five: list[str], folder: Path):
    elsewhere = folder / "elsewhere" / "v1"
    elsewhere.mkdir(parents=True)
    (elsewhere / "part").write_text("x")
    (folder / "mlops.yaml").write_text(
        SETTINGS.replace("default: true", f"default: true, assets: 'file://{elsewhere}'")
    )
    found = pruned(runs=2)
    assert (len(found.contents), found.elsewhere) == (2, (f"file://{elsewhere}",))
    assert (elsewhere / "part").exists()


def test_what_another_target_names_stays(five: list[str]):
    a_code(0)
    applied(REVERT, target="prod")
    before = stored()
    pruned(runs=1)
    with open_workspace("prod") as workspace:
        assert {entry.spec["code_configuration"]["code"]["digest"] for entry in deployments(workspace)} <= stored()
    assert stored() < before


def test_what_a_target_names_that_mlops_yaml_names_no_more_stays(five: list[str], folder: Path):
    a_code(0)
    (folder / "mlops.yaml").write_text(f"{SETTINGS}  former: {{provider: memory, file: former.jsonl}}\n")
    applied(REVERT, target="former")
    (folder / "mlops.yaml").write_text(SETTINGS)
    pruned(runs=1)
    former = open_store(".mlops/state.db", root=folder, target="former")
    named = {e.spec["code_configuration"]["code"]["digest"] for a, e in former.read().entries.items() if a.endpoint}
    former.close()
    assert named <= stored()


def test_what_is_served_though_its_record_was_lost_stays(five: list[str], folder: Path):
    digest = min(prune(None, Keep(0), dry_run=True)[0].contents)
    objects = Objects(folder / ".mlops" / "local" / "lost")
    (objects.folder / "objects").mkdir(parents=True)
    code = {"code_configuration": {"code": {"name": "src", "digest": digest}}}
    objects.put(Object(Address("deployment", "blue", endpoint="lost"), code, "lineage", 1, "op", created="T"))
    pruned(runs=0)
    assert digest in stored()


def test_where_another_record_cannot_be_looked_at_no_content_goes(five: list[str], folder: Path):
    applied(AGAIN, target="prod")
    (folder / ".mlops" / "prod.db").write_bytes(b"no database at all")
    before = stored()
    found = pruned(runs=1)
    assert "the record of target prod cannot be looked at" in found.left
    assert (runs(), stored(), dict(found.contents)) == (five[:1], before, {})


def test_while_a_run_of_another_target_is_at_work_no_content_goes(five: list[str]):
    before = stored()
    with open_record("prod") as (_, other), other.lock({"command": "apply"}, timeout_s=0):
        found = pruned(runs=1)
    assert ("target prod" in found.left, stored()) == (True, before)


def test_while_a_run_of_the_target_is_at_work_nothing_is_forgotten(five: list[str]):
    with open_record(None) as (_, other), other.lock({"command": "apply"}, timeout_s=0), pytest.raises(LockHeldError):
        prune(None, Keep(1))
    assert runs() == five


@pytest.mark.parametrize("half", [True, False])
def test_one_that_is_killed_in_the_middle_is_finished_by_the_next(five: list[str], half: bool):
    before = stored()
    going = set(prune(None, Keep(1), dry_run=True)[0].contents)
    pid = os.fork()
    if not pid:
        pruning.remove_content = half_removed if half else killed  # type: ignore[assignment]
        prune(None, Keep(1))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert runs() == five[:1]
    assert stored() == before - ({min(going)} if half else set())
    pruned(runs=1)
    assert stored() == before - going
    assert [path.name for path in ASSETS.iterdir() if path.name.startswith(".sha256")] == []


def half_removed(folder: Path, digest: str) -> None:
    """Out of the way, and no more."""
    stored = folder / digest.replace(":", "-")
    stored.rename(stored.with_name(f".{stored.name}-0123"))
    os.kill(os.getpid(), signal.SIGKILL)


def killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_content_that_is_half_removed_is_not_taken_for_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sha256-aa").mkdir()
    (tmp_path / "sha256-aa" / "content").write_text("x")
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    remove_content(tmp_path, "sha256:aa")
    assert stored_contents(tmp_path) == {}


def test_after_a_prune_everything_goes_on(five: list[str]):
    pruned(runs=1)
    applied(AGAIN, EDIT)
    with open_workspace(None) as workspace:
        assert rollback(workspace, Back())[1].succeeded
        assert pipeline.plan(workspace, Wish((AGAIN,))).plan.steps == ()
        assert generations(workspace.store) > 0


def generations(store: Store) -> int:
    return max(store.generation(address) for address in store.read().entries)


def test_nothing_is_removed_where_a_link_of_the_repository_leads(folder: Path, tmp_path: Path):
    work = tmp_path / "somebody-s"
    for name in ("my-project", ".my-settings"):
        (work / name).mkdir(parents=True)
    applied(AGAIN)
    for path in sorted(ASSETS.glob("*")):
        path.rename(work / path.name)
    ASSETS.rmdir()
    ASSETS.symlink_to(work)
    assert prune("dev", Keep(1))[1]
    assert {"my-project", ".my-settings"} <= {each.name for each in work.iterdir()}
    git(folder, "init", "-q")
    git(folder, "add", "--force", str(ASSETS))
    with pytest.raises(RefusedError, match="came with the repository"):
        prune("dev", Keep(1))


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, timeout=60)


def test_no_content_goes_that_a_queued_operation_may_need(five: list[str]):
    with open_workspace("prod") as workspace:
        held = workspace.line.join({}, {})
    before = stored()
    found = pruned(runs=1)
    assert found.left == "an operation of target prod is queued, and may name what no record does"
    assert stored() == before
    held.done()
    assert pruned(runs=1).left == ""


def test_none_goes_that_an_operation_may_need_which_joined_while_it_was_asked(five: list[str]):
    joined: list[Held] = []

    def confirm(found: Pruning) -> bool:
        assert found.contents
        with open_workspace("prod") as workspace:
            joined.append(workspace.line.join({}, {}))
        return True

    before = stored()
    found, wanted = prune("dev", Keep(1), confirm)
    assert wanted
    assert found.runs
    assert (dict(found.contents), stored()) == ({}, before)
    assert found.left == "an operation of target prod is queued, and may name what no record does"
    joined[0].done()
    assert pruned(runs=1).left == ""
    assert stored() != before
