"""A plan becomes a run: written down with what would undo it, walked, and its end recorded."""

from reconciler.apply import Journal
from reconciler.apply import apply as walk
from reconciler.core.plan import Outcome, Result
from reconciler.inverses import inverse_of
from reconciler.providers.provider import FenceSource
from reconciler.record.store import Origin
from reconciler.runs import begin_run
from reconciler.telemetry import span, told
from reconciler.wishes import Manner, Planned
from reconciler.workspace import Workspace


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
    inverse = inverse_of(recorded, planned.plan.steps, planned.corrections)
    run = begin_run(workspace, planned.plan, command, inverse=inverse, origin=origin or Origin())
    outcomes = _walked(workspace, planned, run, manner)
    done = all(outcome.result is Result.SUCCEEDED for outcome in outcomes)
    ended = "succeeded" if done else "interrupted" if manner.stop.is_set() else "failed"
    workspace.store.end_run(run, ended, workspace.now())
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
