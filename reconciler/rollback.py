"""rollback(): a target becomes as it was when a run had ended, by the record, or by that run's commit.

aim -> wish, by the record or by the commit -> the stages of an apply
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum

from reconciler import pipeline
from reconciler.attending import locked, see_to_attendance
from reconciler.core.address import Address
from reconciler.core.contents import valueless
from reconciler.core.inverse import Inverse
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, Step
from reconciler.errors import MlopsError, RefusedError
from reconciler.executing import executed, settled
from reconciler.frozen import dataclass
from reconciler.inverses import NOT_THERE, resource_of
from reconciler.load import Override
from reconciler.load.repository.commit import commit_named, in_git
from reconciler.operate.history import RECORD_ALONE, changed_something, run_of
from reconciler.providers.provider import Knowing
from reconciler.record.store import Origin, Run
from reconciler.wishes import Applied, Manner, Planned, Wish
from reconciler.workspace import Workspace

COMMAND = "mlops rollback"
"""How a rollback is called in the history, by which whoever follows a branch knows it."""

_ID = 12


class Way(StrEnum):
    """What a rollback goes by."""

    RECORD = "record"
    COMMIT = "commit"


@dataclass(frozen=True)
class Back:
    """What a user asks for.

    Args:
        run: an id, the begin of one, or `last`; empty to undo the last run that changed something.
        way: what to go by; None for what can be done.
        variables: for the files of a commit, from `--var`.
        overrides: for the files of a commit, from `--set`.
        policies: where policies over plans are taken from, in place of the checkout's own.
    """

    run: str = ""
    way: Way | None = None
    variables: dict[str, str] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    max_delete: int | None = None
    allow_empty: bool = False
    policies: str = ""


@dataclass(frozen=True)
class Aim:
    """Where a rollback leads.

    Args:
        to: the run at whose end the target was as it is to be; None for before all runs.
        undoes: the runs since, newest first.
    """

    to: Run | None
    undoes: tuple[Run, ...]

    def __str__(self) -> str:
        if self.to:
            return f"as run {self.to.id[:_ID]} left it"
        return f"as before run {self.undoes[-1].id[:_ID]}" if self.undoes else "as before all runs"


@dataclass(frozen=True)
class Course:
    """A rollback that is planned: where it leads, by what, the plan, and what the history keeps of it.

    Args:
        why: not by the record; empty where it is by that, or was to be by the commit.
    """

    aim: Aim
    way: Way
    why: str
    planned: Planned
    origin: Origin

    @property
    def by(self) -> str:
        """What it goes by, in words."""
        if self.way is Way.RECORD or self.aim.to is None:
            return "what was recorded"
        return f"the files of commit {commit_of(self.aim.to)[:_ID]}"


def plan_back(workspace: Workspace, back: Back) -> Course:
    """What a rollback would do.

    Raises:
        MlopsError: there is no such run, or none that changed anything.
        RefusedError: it can be done by neither record nor commit, or a guard forbids the plan.
    """
    return _course(workspace, back, lambda wish: pipeline.plan(workspace, wish))


def rollback(
    workspace: Workspace, back: Back, manner: Manner | None = None, *, tell: Callable[[Course], None] = lambda _: None
) -> tuple[Course, Applied]:
    """Plan under the lock, ask, execute, record, as an apply does.

    Args:
        workspace: the target.
        back: what is asked for.
        manner: how to ask, how much at once, whom to tell.
        tell: told of the course before anybody is asked.

    Raises:
        MlopsError: there is no such run, or none that changed anything.
        RefusedError: it can be done by neither record nor commit, or a guard forbids the plan.
        LockHeldError: another run holds the target.
    """
    manner = manner or Manner()
    with locked(workspace, COMMAND, timeout_s=manner.lock_timeout_s):
        settled(workspace, manner.pace)
        course = _course(workspace, back, lambda wish: pipeline.prepared(workspace, wish, manner.pace))
        tell(course)
        planned = course.planned
        if planned.plan.steps and not manner.confirm(planned):
            return course, Applied(planned, declined=True)
        outcomes = executed(workspace, planned, COMMAND, manner, course.origin)
        see_to_attendance(workspace)
    return course, Applied(planned, outcomes)


def _course(workspace: Workspace, back: Back, plan: Callable[[Wish], Planned]) -> Course:
    """By the record, which knows exactly what was; where that cannot be done or is not wanted, by the commit."""
    store = workspace.store
    runs = store.runs(limit=sys.maxsize)
    aim = aim_of(runs, back.run, workspace.target.name, changed=lambda run: changed_something(store, run))
    against: list[str] = []
    if back.way is not Way.COMMIT:
        planned, against = _by_record(workspace, back, aim, plan)
        if planned and not against:
            return _as_course(aim, Way.RECORD, "", planned, ())
    if back.way is not Way.RECORD:
        wish, objections = _commit_wish(workspace, back, aim)
        if wish and not objections:
            why = against[0] if against else ""
            return _as_course(aim, Way.COMMIT, why, plan(wish), wish.paths)
        against += objections
    raise RefusedError(_impossible(aim, back, against))


def _as_course(aim: Aim, way: Way, why: str, planned: Planned, paths: tuple[str, ...]) -> Course:
    """The plan with reasons that tell of the rollback, and what the history keeps of it."""
    steps = tuple(replace(step, reason=f"{_said(step)}; rolled back, {aim}") for step in planned.plan.steps)
    took_back = tuple(dict.fromkeys(commit for run in aim.undoes if (commit := commit_of(run))))
    kept = commit_of(aim.to) if aim.to else ""
    origin = Origin(
        paths=paths,
        whole=bool(paths),
        back_to=aim.to.id if aim.to else "",
        took_back=tuple(commit for commit in took_back if commit != kept),
    )
    return Course(aim, way, why, replace(planned, plan=replace(planned.plan, steps=steps)), origin)


def _said(step: Step) -> str:
    return NOT_THERE if step.action is Action.DELETE and step.reason == "no longer defined" else step.reason


def aim_of(runs: Sequence[Run], name: str, target: str, *, changed: Callable[[Run], bool]) -> Aim:
    """Where a rollback leads: to the end of the run that is named, or to before the last one that changed something.

    A rollback that did not come to its end is taken up again, where none is named.

    Args:
        runs: all, newest first.
        name: of a run; empty for none.
        target: the target's name.
        changed: whether a run changed anything live.

    Raises:
        MlopsError: there is no such run, or none that changed anything.
    """
    if name:
        run = run_of(runs, name, target)
        return Aim(run, tuple(runs[: runs.index(run)]))
    for place, run in enumerate(runs):
        if run.command == COMMAND and run.outcome != "succeeded":
            return _taken_up(runs, run, target)
        if changed(run):
            return Aim(runs[place + 1] if place + 1 < len(runs) else None, tuple(runs[: place + 1]))
    raise MlopsError(f"target {target} has no run that changed anything, so there is nothing to roll back")


def _taken_up(runs: Sequence[Run], unfinished: Run, target: str) -> Aim:
    if not unfinished.origin.back_to:
        return Aim(None, tuple(runs))
    return aim_of(runs, unfinished.origin.back_to, target, changed=bool)


def commit_of(run: Run) -> str:
    """The commit whose files a run applied; empty where none was, or nobody knows."""
    if not run.origin.paths:
        return ""
    revisions = {path.partition(":")[0] for path in run.origin.paths if _is_revision(path)}
    return revisions.pop() if len(revisions) == 1 else "" if revisions else run.commit


def specs_then(now: Mapping[Address, Spec], inverses: Sequence[Inverse]) -> dict[Address, Spec]:
    """What was recorded before the last of some runs, newest first, were begun."""
    found: dict[Address, Spec | None] = dict(now)
    for inverse in inverses:
        found |= inverse.specs
    return {address: spec for address, spec in found.items() if spec is not None}


def _by_record(
    workspace: Workspace, back: Back, aim: Aim, plan: Callable[[Wish], Planned]
) -> tuple[Planned | None, list[str]]:
    """The plan back by the record, and what there is against it."""
    store = workspace.store
    known = {run.id: store.inverse(run.id) for run in aim.undoes}
    lost = [run for run in aim.undoes if known[run.id] is None and run.command not in RECORD_ALONE]
    if lost:
        told = f"run {lost[0].id[:_ID]} was written down without what would undo it, by an older version"
        return None, [told]
    entries = {address: entry.spec for address, entry in store.read().entries.items()}
    specs = specs_then(entries, [inverse for inverse in known.values() if inverse])
    resources = tuple(resource_of(address, specs[address]) for address in sorted(specs))
    # The path is for messages alone: nothing is read.
    wish = Wish((f"the record, {aim}",), resources=resources)
    planned = plan(_guarded(wish, back))
    return planned, _lacking(workspace, planned.plan.steps)


def _lacking(workspace: Workspace, steps: Sequence[Step]) -> list[str]:
    """What the platform would need for the steps, and the record has not."""
    provider, found = workspace.provider, []
    for step in steps:
        if step.after is None or step.action is Action.ROUTE:
            continue
        if isinstance(provider, Knowing):
            lacks = list(provider.lacking(step.address, step.after))
        else:
            lacks = [f"the value of {path}" for path, _ in valueless(step.after)]
        found += [f"{step.address}: {lack} is not in the record, which has its digest alone" for lack in lacks]
    return list(dict.fromkeys(found))


def _commit_wish(workspace: Workspace, back: Back, aim: Aim) -> tuple[Wish | None, list[str]]:
    """What to apply so that the files of the commit are in force, and what there is against it."""
    to = aim.to
    if to is None:
        return None, ["before that run nothing was applied from any commit"]
    if objection := _no_commit(to) or _not_given(to, back):
        return None, [objection]
    root, commit = workspace.config.root, commit_of(to)
    if not commit_named(root, commit):
        return None, [f"commit {commit[:_ID]} of run {to.id[:_ID]} is not in this repository"]
    paths = [_at_commit(workspace, commit, path) for path in to.origin.paths]
    if not all(paths):
        return None, [f"run {to.id[:_ID]} read files outside of the repository"]
    wish = Wish(tuple(paths), back.variables, back.overrides)
    return _guarded(wish, back), []


def _guarded(wish: Wish, back: Back) -> Wish:
    """What is wanted, under the guards that were asked for."""
    return replace(wish, max_delete=back.max_delete, allow_empty=back.allow_empty, policies=back.policies)


def _at_commit(workspace: Workspace, commit: str, path: str) -> str:
    """A path of a run as its commit has it; empty where it lies outside of the repository."""
    if _is_revision(path):
        return path
    inner = in_git(workspace.config.root, path)
    return inner and f"{commit}:{inner}"


def _no_commit(run: Run) -> str:
    """Why a run's commit does not tell what the target was like at its end."""
    who = f"run {run.id[:_ID]}"
    if run.outcome != "succeeded":
        return f"{who} did not succeed, so no commit says what it left"
    if not run.origin.paths:
        return f"{who} applied no files"
    if not run.origin.whole:
        return f"{who} applied single files, or was confined by --only"
    if any(":" in path and not _is_revision(path) for path in run.origin.paths):
        return f"{who} applied files of a revision that is no commit"
    if run.dirty and not all(map(_is_revision, run.origin.paths)):
        return f"{who} was of a checkout that differed from its commit, be it by a file that git does not know"
    return "" if commit_of(run) else f"{who} was of no commit"


def _not_given(run: Run, back: Back) -> str:
    given = {*back.variables, *(f"{override.address}.{override.path}" for override in back.overrides)}
    missing = [name for name in run.origin.given if name not in given]
    return f"run {run.id[:_ID]} was given {', '.join(missing)}; give its --var and --set again" if missing else ""


def _is_revision(path: str) -> bool:
    """Whether a path is one of a commit by its id, which never moves."""
    revision, colon, _ = path.partition(":")
    return bool(colon) and len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)


def _impossible(aim: Aim, back: Back, against: Sequence[str]) -> str:
    """Why neither way can be gone, or not the one that was asked for."""
    told = [f"  {reason}" for reason in against[:5]]
    more = [f"  and {len(against) - 5} more"] if len(against) > 5 else []
    return "\n".join([f"E-ROLLBACK: the target cannot be made {aim}{_BY[back.way]}:", *told, *more])


_BY = {
    None: "",
    Way.RECORD: " by the record; perhaps it can by files: --from commit",
    Way.COMMIT: " by files of a commit; perhaps it can by what is recorded: --from record",
}
