"""A rollback leads to what there was when a run had ended, whatever came since, and says what it cannot bring back."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.contents import valueless
from reconciler.core.inverse import Inverse
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.core.secret import sealed, secrets_of
from reconciler.errors import MlopsError, ProviderError, RefusedError
from reconciler.pipeline import Applied, Wish
from reconciler.providers.memory import MemoryProvider
from reconciler.record.store import Origin, Run
from reconciler.rollback import COMMAND, Back, Course, Way, aim_of, commit_of, plan_back, rollback, specs_then
from reconciler.workspace import Workspace, open_record, open_workspace
from tests.faults.small_world import AGAIN, EDIT, REVERT, write

BLUE = Address("deployment", "blue", endpoint="credit")
CREDIT = Address("endpoint", "credit")
NOBODY = {f"GIT_{who}_{what}": "ana@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
RUNS = ("third", "second", "first")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the manifests of three wishes, on a memory target; no git."""
    write(tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    with open_workspace(None) as opened:
        yield opened


def applied(workspace: Workspace, *wishes: str, **options: Any) -> None:
    for wish in wishes:
        done = pipeline.apply(workspace, Wish((wish,), **options))
        assert done.succeeded


def back(workspace: Workspace, run: str = "", **options: Any) -> tuple[Course, Applied]:
    course, done = rollback(workspace, Back(run, **options))
    assert done.succeeded
    return course, done


def live(workspace: Workspace) -> dict[str, Any]:
    """What there is, secrets by their digests."""
    return {str(item.address): sealed(item.spec) for item in workspace.provider.list()}


def recorded(workspace: Workspace) -> dict[str, Any]:
    return {str(address): sealed(entry.spec) for address, entry in workspace.store.read().entries.items()}


def ids(workspace: Workspace) -> list[str]:
    """The ids of the runs, oldest first."""
    return [run.id for run in workspace.store.runs()][::-1]


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, **NOBODY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def committed(folder: Path, message: str) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")


def wanted(folder: Path, wish: str) -> None:
    """Have one folder hold a wish, as a branch does over time."""
    shutil.rmtree(folder / "manifests", ignore_errors=True)
    shutil.copytree(folder / wish, folder / "manifests")


@pytest.fixture
def in_git(folder: Path) -> tuple[str, str]:
    """Two commits that were applied, each in a process of its own."""
    git(folder, "init", "-q", "-b", "main")
    commits = []
    for wish in (REVERT, AGAIN):
        wanted(folder, wish)
        commits.append(committed(folder, wish))
        with open_workspace(None) as opened:
            applied(opened, "manifests")
    return commits[0], commits[1]


class Forgetful(MemoryProvider):
    """Knows values of the secrets that its objects have now, as a provider does that keeps them beside its objects."""

    def lacking(self, address: Address, spec: Spec) -> Iterator[str]:
        held = self.observe(address)
        known = {secret.digest for secret in secrets_of(held.spec)} if held else set()
        yield from (f"the value of {path}" for path, secret in valueless(spec) if secret.digest not in known)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryProvider, "lacking", Forgetful.lacking)


def test_without_a_run_the_last_one_is_undone(workspace: Workspace):
    applied(workspace, REVERT)
    before = live(workspace), recorded(workspace)
    applied(workspace, AGAIN)
    course, done = back(workspace)
    assert (live(workspace), recorded(workspace)) == before
    assert (str(course.aim), course.way) == (f"as run {ids(workspace)[0][:12]} left it", Way.RECORD)
    assert {step.reason.rpartition("; ")[2] for step in done.planned.plan.steps} == {
        f"rolled back, as run {ids(workspace)[0][:12]} left it"
    }


def test_a_second_one_brings_back_what_the_first_took(workspace: Workspace):
    applied(workspace, REVERT, AGAIN)
    before = live(workspace)
    back(workspace)
    back(workspace)
    assert live(workspace) == before


def test_with_a_run_all_that_came_after_it_is_taken_back(workspace: Workspace):
    applied(workspace, REVERT)
    before = live(workspace), recorded(workspace)
    applied(workspace, AGAIN, EDIT, AGAIN)
    back(workspace, ids(workspace)[0])
    assert (live(workspace), recorded(workspace)) == before


def test_to_the_last_run_it_puts_right_what_was_changed_since_behind_its_back(workspace: Workspace):
    applied(workspace, REVERT)
    before = live(workspace)
    entry = workspace.store.read().entries[BLUE]
    step = Step(1, "scale", BLUE, "", (), entry.spec, {**entry.spec, "instance_count": 9})  # type: ignore[arg-type]
    workspace.provider.scale(step, Operation("by hand", workspace.store.read().lineage, entry.generation))
    assert live(workspace) != before
    _, done = back(workspace, "last")
    assert [f"{s.action} {s.address}" for s in done.planned.plan.steps] == ["scale deployment/credit/blue"]
    assert live(workspace) == before


def test_it_plans_from_what_is_live(workspace: Workspace):
    applied(workspace, REVERT)
    before = live(workspace)
    applied(workspace, AGAIN)
    entry = workspace.store.read().entries[BLUE]
    step = Step(1, "scale", BLUE, "", (), entry.spec, {**entry.spec, "instance_count": 9})  # type: ignore[arg-type]
    workspace.provider.scale(step, Operation("by hand", workspace.store.read().lineage, entry.generation))
    course, _ = back(workspace)
    fields = [field for step in course.planned.plan.steps if step.address == BLUE for field in step.fields]
    assert [(f.before, f.after) for f in fields if f.path == "instance_count"] == [(9, 1)]
    assert live(workspace) == before


def test_of_a_run_that_failed_in_part_what_it_did_is_undone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    applied(workspace, REVERT)
    before = live(workspace), recorded(workspace)

    def refuse(_self: MemoryProvider, _step: Step, _operation: Operation) -> None:
        raise ProviderError("no more room")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryProvider, "create", refuse)
        patched.setattr(MemoryProvider, "delete", refuse)
        assert not pipeline.apply(workspace, Wish((AGAIN,))).succeeded
    assert live(workspace) != before[0]
    back(workspace)
    assert (live(workspace), recorded(workspace)) == before


def test_a_run_that_did_nothing_is_passed_over(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    applied(workspace, REVERT)
    before = live(workspace)
    applied(workspace, EDIT)

    def refuse(*_: object) -> None:
        raise ProviderError("no")

    with monkeypatch.context() as patched:
        for action in ("create", "delete", "scale", "roll_out", "update", "route"):
            patched.setattr(MemoryProvider, action, refuse)
        assert not pipeline.apply(workspace, Wish((AGAIN,))).succeeded
    back(workspace)
    assert live(workspace) == before


def test_a_run_that_only_put_right_what_had_drifted_is_passed_over(workspace: Workspace):
    applied(workspace, REVERT)
    before = live(workspace)
    applied(workspace, AGAIN)
    healed = live(workspace)
    entry = workspace.store.read().entries[BLUE]
    step = Step(1, "scale", BLUE, "", (), entry.spec, {**entry.spec, "instance_count": 9})  # type: ignore[arg-type]
    workspace.provider.scale(step, Operation("by hand", workspace.store.read().lineage, entry.generation))
    applied(workspace, AGAIN)
    assert (len(ids(workspace)), live(workspace)) == (3, healed)
    back(workspace)
    assert live(workspace) == before


def test_what_would_undo_a_run_is_recorded_before_its_first_step(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    found: list[set[Address]] = []
    create = MemoryProvider.create

    def looking(self: MemoryProvider, step: Step, operation: Operation) -> None:
        with open_record(None) as (_, store):
            inverse = store.inverse(store.runs()[0].id)
            found.append(set(inverse.specs) if inverse else set())
        create(self, step, operation)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryProvider, "create", looking)
        applied(workspace, REVERT)
    addresses = set(workspace.store.read().entries)
    assert found == [addresses] * len(addresses)


def test_before_the_first_run_there_was_nothing_and_that_has_to_be_allowed(workspace: Workspace):
    applied(workspace, REVERT)
    with pytest.raises(RefusedError, match="E-EMPTY: nothing is defined in the record, as before run"):
        back(workspace)
    back(workspace, allow_empty=True, max_delete=9)
    assert live(workspace) == {}


def test_its_deletions_have_the_budget_of_any_plan(workspace: Workspace):
    applied(workspace, REVERT, AGAIN)
    with pytest.raises(RefusedError, match="E-DELETE-BUDGET"):
        back(workspace, max_delete=1)


def test_traffic_that_the_run_began_to_claim_goes_back_to_what_was_live(workspace: Workspace, folder: Path):
    applied(workspace, REVERT)
    endpoint = folder / REVERT / "endpoint.yml"
    endpoint.write_text(endpoint.read_text().replace("traffic: {blue: 100}\n", ""))
    applied(workspace, REVERT)
    assert live(workspace)["endpoint/credit"]["traffic"] == {"blue": 100}
    endpoint.write_text(endpoint.read_text() + "traffic: {red: 100}\n")
    applied(workspace, REVERT)
    back(workspace)
    assert live(workspace)["endpoint/credit"]["traffic"] == {"blue": 100}


def test_the_history_tells_where_it_led_and_which_commits_it_took_back(in_git: tuple[str, str], workspace: Workspace):
    back(workspace)
    run = workspace.store.runs()[0]
    assert (run.command, run.commit) == (COMMAND, in_git[1])
    assert (run.origin.back_to, run.origin.took_back) == (ids(workspace)[0], (in_git[1],))
    assert (run.outcome, run.steps, run.origin.paths) == ("succeeded", len(workspace.store.operations(run.id)), ())


def test_to_undo_a_destroy_takes_back_no_commit(in_git: tuple[str, str], workspace: Workspace):
    before = live(workspace)
    pipeline.destroy(workspace, Wish())
    assert live(workspace) == {}
    back(workspace)
    assert (live(workspace), workspace.store.runs()[0].origin.took_back) == (before, ())


def test_a_plan_alone_changes_nothing(workspace: Workspace):
    applied(workspace, REVERT, AGAIN)
    before = live(workspace), ids(workspace)
    assert plan_back(workspace, Back()).planned.plan.steps
    assert (live(workspace), ids(workspace)) == before


def test_what_is_not_wanted_is_not_done(workspace: Workspace):
    applied(workspace, REVERT, AGAIN)
    before = live(workspace), ids(workspace)
    _, done = rollback(workspace, Back(), pipeline.Manner(confirm=lambda _: False))
    assert (done.declined, live(workspace), ids(workspace)) == (True, *before)


def changed_secret(folder: Path) -> None:
    for file in folder.glob("manifests/*.yml"):
        file.write_text(file.read_text().replace("GREETING: canary", "GREETING: another-canary"))


@pytest.mark.usefixtures("forgetful")
def test_a_secret_whose_value_is_nowhere_is_told_and_the_commit_offered(in_git: tuple[str, str], folder: Path):
    changed_secret(folder)
    with open_workspace(None) as workspace:
        applied(workspace, "manifests")
        with pytest.raises(RefusedError) as told:
            back(workspace, way=Way.RECORD)
        assert "by the record; perhaps it can by files: --from commit" in str(told.value)
        assert "deployment/credit/blue: the value of environment_variables.GREETING is not in the record" in str(
            told.value
        )


@pytest.mark.usefixtures("forgetful")
def test_where_the_record_cannot_the_commit_of_that_run_is_applied_again(in_git: tuple[str, str], folder: Path):
    with open_workspace(None) as workspace:
        before = live(workspace)
        changed_secret(folder)
        committed(folder, "another secret")
        applied(workspace, "manifests")
        course, _ = back(workspace)
        assert (course.way, course.by) == (Way.COMMIT, f"the files of commit {in_git[1][:12]}")
        assert "environment_variables.GREETING is not in the record" in course.why
        assert live(workspace) == before
        assert workspace.store.runs()[0].origin.paths == (f"{in_git[1]}:manifests",)


def test_a_commit_can_be_asked_for_and_a_rollback_by_one_is_one_to_go_back_to(in_git: tuple[str, str], folder: Path):
    with open_workspace(None) as workspace:
        after = live(workspace)
        course, done = back(workspace, ids(workspace)[0], way=Way.COMMIT)
        assert (course.way, course.why) == (Way.COMMIT, "")
        assert all(field.source for step in done.planned.plan.steps for field in step.fields if step.after)
        before, here = live(workspace), ids(workspace)[-1]
        assert before != after
        applied(workspace, "manifests")
        course, _ = back(workspace, here, way=Way.COMMIT)
        assert (course.by, live(workspace)) == (f"the files of commit {in_git[0][:12]}", before)


OBJECTIONS = {
    "it did not succeed": {"outcome": "failed"},
    "it was cut off": {"outcome": ""},
    "its files differed from the commit": {"dirty": True},
    "outside of git": {"commit": ""},
    "of another repository": {"commit": "c" * 40},
    "single files": {"origin": Origin(("manifests/blue.yml",))},
    "no files": {"origin": Origin()},
    "a revision that is none": {"origin": Origin(("HEAD~7:manifests",), whole=True)},
    "outside of the repository": {"origin": Origin(("../manifests",), whole=True)},
    "a variable": {"origin": Origin(("manifests",), whole=True, given=("SIZE",))},
}


@pytest.mark.parametrize("facts", OBJECTIONS.values(), ids=OBJECTIONS.keys())
def test_a_run_whose_commit_does_not_tell_what_it_left_is_refused(
    in_git: tuple[str, str], workspace: Workspace, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]
):
    last, first = workspace.store.runs()
    monkeypatch.setattr(workspace.store, "runs", lambda limit=0: (last, replace(first, **facts)))
    with pytest.raises(RefusedError, match="by files of a commit; perhaps it can by what is recorded: --from record"):
        back(workspace, first.id, way=Way.COMMIT)


def test_a_run_of_an_older_version_is_refused_by_the_record(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    applied(workspace, REVERT, AGAIN)
    monkeypatch.setattr(workspace.store, "inverse", lambda _run: None)
    with pytest.raises(RefusedError, match="was written down without what would undo it, by an older version"):
        back(workspace)


def run(name: str, **facts: Any) -> Run:
    return Run(name, **({"command": "apply", "target": "dev", "started": "T", "outcome": "succeeded"} | facts))


def aimed(*runs: Run, name: str = "", changed: tuple[str, ...] = RUNS) -> tuple[str, list[str]]:
    aim = aim_of(runs, name, "dev", changed=lambda each: each.id in changed)
    return aim.to.id if aim.to else "", [each.id for each in aim.undoes]


def test_the_last_run_that_changed_something_is_found():
    runs = [run(name) for name in RUNS]
    assert aimed(*runs) == ("second", ["third"])
    assert aimed(*runs, changed=("second", "first")) == ("first", ["third", "second"])
    assert aimed(*runs, changed=("first",)) == ("", ["third", "second", "first"])
    with pytest.raises(MlopsError, match="target dev has no run that changed anything"):
        aimed(*runs, changed=())


def test_a_rollback_that_did_not_come_to_its_end_is_taken_up_again():
    unfinished = run("third", command=COMMAND, outcome="", origin=Origin(back_to="first"))
    assert aimed(unfinished, run("second"), run("first"), changed=()) == ("first", ["third", "second"])
    failed = replace(unfinished, outcome="failed", origin=Origin())
    assert aimed(failed, run("second"), run("first")) == ("", ["third", "second", "first"])
    done = replace(unfinished, outcome="succeeded")
    assert aimed(done, run("second"), run("first")) == ("second", ["third"])


def test_a_named_run_stays():
    assert aimed(*(run(name) for name in RUNS), name="firs") == ("first", ["third", "second"])
    assert aimed(*(run(name) for name in RUNS), name="last") == ("third", [])


def test_specs_are_followed_back_run_by_run():
    first, second = Inverse({BLUE: {"n": 1}}), Inverse({BLUE: {"n": 2}, CREDIT: None})
    assert specs_then({BLUE: {"n": 3}, CREDIT: {}}, [second, first]) == {BLUE: {"n": 1}}


def test_the_commit_of_a_run_is_that_of_the_files_it_read():
    sha = "a" * 40
    assert commit_of(run("x", commit="b" * 40, origin=Origin(("manifests",)))) == "b" * 40
    assert commit_of(run("x", commit="b" * 40, origin=Origin((f"{sha}:manifests", f"{sha}:more")))) == sha
    assert commit_of(run("x", commit="b", origin=Origin((f"{sha}:m", f"{'c' * 40}:m")))) == ""
    assert commit_of(run("x", command="destroy", commit="b" * 40)) == ""
