"""F23: a record that is older than what it made, such as a backup that was restored, is told and never applied from."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.diff import newer
from reconciler.providers.memory import MemoryProvider
from tests.builders import blue
from tests.cli.command_line import Repository
from tests.faults.scheduled import FakeClock, Held, Late, Scheduled
from tests.faults.target import SERVED, Target

REFUSED = 4
BLUE, CREDIT = "deployment/credit/blue", "endpoint/credit"
TOLD = f"{BLUE}: live is of generation 3, the record knows 1"


@pytest.fixture
def restored(tmp_path: Path) -> Repository:
    """A repository whose record was brought back from before blue was scaled twice; the newer one lies beside it."""
    repo = Repository(tmp_path / "repo")
    repo.apply()
    state = repo.folder / ".mlops" / "state.db"
    shutil.copy(state, tmp_path / "backup.db")
    for before, after in (("1", "2"), ("2", "3")):
        repo.edit("manifests/blue.yml", f"instance_count: {before}", f"instance_count: {after}")
        repo.apply()
    state.rename(tmp_path / "newer.db")
    shutil.copy(tmp_path / "backup.db", state)
    return repo


def assert_settled(repo: Repository) -> None:
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert repo.mlops("drift", "--detailed-exitcode").out.startswith("No drift.")


def bring_back(repo: Repository) -> None:
    shutil.copy(repo.folder.parent / "newer.db", repo.folder / ".mlops" / "state.db")


def rebuild(repo: Repository) -> None:
    repo.mlops("state", "rebuild", "--auto-approve")


def refresh_only(repo: Repository) -> None:
    repo.mlops("apply", "--refresh-only")


@pytest.mark.parametrize("words", [("plan",), ("apply", "--auto-approve"), ("destroy", "--auto-approve")])
def test_f23_nothing_is_planned_from_an_older_record_and_both_generations_are_told(
    restored: Repository, words: tuple[str, ...]
):
    restored.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 1")
    before = restored.read("live.jsonl")
    said = restored.mlops(*words, code=REFUSED).err
    assert f"E-OLD-RECORD: the record is older than what this state has made ({TOLD})" in said
    assert "`mlops state rebuild`" in said
    assert "`mlops apply --refresh-only`" in said
    assert restored.read("live.jsonl") == before


def test_f23_an_apply_that_does_not_look_at_what_is_live_is_refused_too(restored: Repository):
    restored.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 5")
    before = restored.live()
    assert TOLD in restored.mlops("apply", "--auto-approve", "--no-refresh", code=REFUSED).err
    assert restored.live() == before


def test_f23_drift_and_status_tell_that_the_record_is_older(restored: Repository):
    told = "live is of generation 3, the record knows 1: it is an older copy"
    assert f"  ~ {BLUE}: changed ({told})\n" in restored.mlops("drift", "--detailed-exitcode", code=2).out
    assert f"{TOLD}: it is an older copy; `mlops explain E-OLD-RECORD`" in restored.mlops("status").out
    assert restored.mlops("status", "--format", "json").json["newer"] == [TOLD]


@pytest.mark.parametrize("mend", [bring_back, rebuild, refresh_only])
def test_f23_each_advice_leads_to_an_empty_plan_and_to_applies_that_work(
    restored: Repository, mend: Callable[[Repository], None]
):
    live = restored.live()
    mend(restored)
    assert restored.live() == live
    assert_settled(restored)
    assert restored.mlops("status", "--format", "json").json["newer"] == []
    restored.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 1")
    restored.apply()
    assert restored.live()[BLUE]["instance_count"] == 1
    assert_settled(restored)


def test_f23_an_object_that_was_made_since_the_copy_is_told_too(tmp_path: Path):
    repo = Repository(tmp_path / "repo")
    repo.apply("--only", CREDIT)
    state = repo.folder / ".mlops" / "state.db"
    shutil.copy(state, tmp_path / "backup.db")
    repo.apply()
    shutil.copy(tmp_path / "backup.db", state)
    said = repo.apply(code=REFUSED).err
    assert f"{BLUE}: live is of generation 1, the record knows 0" in said
    refresh_only(repo)
    assert_settled(repo)


def ahead(made: Target) -> tuple[object, ...]:
    return newer(made.store.read(), made.provider.list(), made.store.generation)


def test_f23_a_call_that_landed_late_is_not_mistaken_for_it():
    held, clock = Held(), FakeClock()
    made = Target(Scheduled(MemoryProvider(), {f"create {BLUE}": [held] * 5}, clock=clock))
    made.apply(SERVED, clock.pace())
    held.land()
    assert made.provider.observe(blue().address) is not None
    assert ahead(made) == ()
    made.apply(SERVED, clock.pace())
    assert ahead(made) == ()
    made.assert_settled(SERVED)


def test_f23_an_outcome_that_nobody_knows_is_not_mistaken_for_it():
    clock = FakeClock()
    made = Target(Scheduled(MemoryProvider(), {f"create {BLUE}": [Late()] * 5}, clock=clock))
    made.apply(SERVED, clock.pace())
    assert [intent.address for intent in made.store.unfinished()] == [blue().address]
    assert ahead(made) == ()
    made.apply(SERVED, clock.pace())
    assert ahead(made) == ()
    made.assert_settled(SERVED)
