"""A plan becomes a run: written down with what would undo it, walked, and its end recorded."""

import os
from collections.abc import Sequence
from pathlib import Path

from reconciler.apply import InTime, Journal, Pace
from reconciler.apply.apply import apply as walk
from reconciler.apply.recover import recover
from reconciler.core.plan import Outcome, Result
from reconciler.diff import ALTERED
from reconciler.errors import InterruptedRunError, StepFailedError
from reconciler.inverses import inverse_of
from reconciler.load.repository.commit import commit_named
from reconciler.providers.provider import FenceSource, Renewing
from reconciler.record.store import Origin
from reconciler.runs import begin_run
from reconciler.telemetry import span, told
from reconciler.wishes import Applied, Manner, Planned, Wish
from reconciler.workspace import Workspace


def settled(workspace: Workspace, pace: Pace) -> None:
    """Look at what a run that was cut off had under way, and record what became of it. The lock is held."""
    with span("recover"):
        recover(InTime(workspace.provider, pace), workspace.store, now=workspace.now)


def executed(
    workspace: Workspace, planned: Planned, command: str, manner: Manner, origin: Origin | None = None
) -> tuple[Outcome, ...]:
    """Correct the record to the live side, then walk the plan as one run of the history.

    What would bring the target back is in the record before the first step is. A run that a crash cuts off stays
    without an end.

    Args:
        workspace: the target, locked.
        planned: the plan, and how the record is corrected before its first step.
        command: what the run is called in the history.
        manner: how to go about it.
        origin: what was asked for.
    """
    recorded = workspace.store.read()
    for address, entry in planned.corrections.items():
        workspace.store.note(address, entry)
    if not planned.plan.steps:
        return ()
    for step in planned.plan.steps:
        if step.before and step.after and ALTERED in step.before and isinstance(workspace.provider, Renewing):
            workspace.provider.renew(step.address, step.after)
    inverse = inverse_of(recorded, planned.plan.steps, planned.corrections)
    run = begin_run(workspace, planned.plan, command, inverse=inverse, origin=origin or Origin())
    outcomes = _walked(workspace, planned, run, manner)
    done = all(outcome.result is Result.SUCCEEDED for outcome in outcomes)
    ended = "succeeded" if done else "interrupted" if manner.stop.is_set() else "failed"
    workspace.store.end_run(run, ended, workspace.now())
    workspace.line.forget({outcome.step.address for outcome in outcomes if outcome.result is Result.SUCCEEDED})
    return outcomes


def _walked(workspace: Workspace, planned: Planned, run: str, manner: Manner) -> tuple[Outcome, ...]:
    provider = workspace.provider
    seen = provider.fences() if isinstance(provider, FenceSource) else None
    journal = Journal(
        workspace.store,
        run,
        now=workspace.now,
        new_id=workspace.new_id,
        seen=seen,
        labels=planned.plan.labels,
    )
    with span("execute"):
        return walk(
            planned.plan,
            provider,
            journal,
            parallel=manner.parallel,
            stop=manner.stop,
            watcher=told(manner.watch(planned.plan)),
            pace=manner.pace,
        )


def raise_unless_done(applied: Applied, *, stopped: bool, again: str = "apply") -> None:
    """Have what came of a run be an error, unless all was done.

    Args:
        applied: what came of it.
        stopped: whether it was interrupted.
        again: what is to be done once more where that was not well.

    Raises:
        StepFailedError: a step failed.
        InterruptedRunError: it was interrupted before its end.
    """
    if applied.succeeded:
        return
    if stopped:
        said = f"interrupted; what was done is recorded, {again} again to go on"
        raise InterruptedRunError(said, outcomes=applied.outcomes)
    raise StepFailedError(_why_failed(applied.outcomes, again), outcomes=applied.outcomes)


def _why_failed(outcomes: Sequence[Outcome], again: str) -> str:
    unknown = ", ".join(f"#{each.step.id} {each.step.address}" for each in outcomes if each.result is Result.UNKNOWN)
    if not unknown:
        return f"a step failed; what was done is recorded, mend the cause and {again} again"
    return (
        f"nobody knows whether {unknown} is done; all else that was done is recorded. "
        f"{again[:1].upper()}{again[1:]} again: it refuses what may still be on its way, looks at what is there, "
        "and goes on from that"
    )


def origin_of(workspace: Workspace, wish: Wish, paths: Sequence[str]) -> Origin:
    """What the history keeps of a wish; values that may be secret are left out.

    Args:
        workspace: the target.
        wish: what is asked for.
        paths: its folders and files.
    """
    root = workspace.config.root
    alone = wish.read.alone if wish.read else any(Path(path).is_file() for path in paths)
    return Origin(
        paths=tuple(os.path.relpath(path, root) if _is_file(path, wish) else _pinned(root, path) for path in paths),
        whole=bool(paths) and not wish.only and not alone,
        given=wish.given,
    )


def _is_file(path: str, wish: Wish) -> bool:
    """Whether a path is no revision's; what was read already may be gone by now."""
    return Path(path).exists() or (wish.read is not None and ":" not in path)


def _pinned(root: Path, path: str) -> str:
    """REV:PATH with the id of the commit that it means now."""
    revision, _, inner = path.partition(":")
    return f"{commit_named(root, revision) or revision}:{inner}"
