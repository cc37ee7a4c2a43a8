"""destroy(): everything that is recorded, or what is named of it, is deleted."""

from reconciler.apply import Pace
from reconciler.attending import locked, see_to_attendance
from reconciler.completing import held_against
from reconciler.core.plan import Plan
from reconciler.core.state import generation_of, generations
from reconciler.diff import changes, fold, foreign, newer
from reconciler.executing import executed, settled
from reconciler.guarding import refuse
from reconciler.judging import in_force
from reconciler.observing import corrections_of, live_of
from reconciler.order import order
from reconciler.preflight import Guards, refusals
from reconciler.wanted import accepted, defined, named
from reconciler.wishes import Applied, Manner, Planned, Wish
from reconciler.workspace import Workspace


def destroy(workspace: Workspace, wish: Wish, manner: Manner | None = None) -> Applied:
    """Delete what the wish names or its paths define, else everything that is recorded; traffic goes first.

    What hangs on an endpoint that is named goes with it, as in Azure.
    """
    manner = manner or Manner()
    wish = manner.accept(workspace, wish, lambda wish: _doomed(workspace, wish, manner.pace), deletes=True)
    with locked(workspace, f"mlops {_deleting(manner)}", timeout_s=manner.lock_timeout_s, waiting=manner.waiting):
        settled(workspace, manner.pace)
        planned = _doomed(workspace, wish, manner.pace)
        if planned.plan.steps and not manner.confirm(planned):
            return Applied(planned, declined=True)
        outcomes = executed(workspace, planned, _deleting(manner), manner)
        see_to_attendance(workspace)
    return Applied(planned, outcomes)


def _doomed(workspace: Workspace, wish: Wish, pace: Pace) -> Planned:
    """The plan of a deletion."""
    recorded = workspace.store.read()
    live = live_of(workspace, pace)
    state = fold(recorded, live)
    found = changes((), state, keep=False)
    if wish.paths or wish.only:
        meant = named(workspace, wish.only, state) if wish.only else defined(workspace, wish, state)
        found = [change for change in found if change.address in meant]
    steps = order(found, deletion="to be destroyed")
    made = Plan(
        workspace.target.name, recorded.lineage, recorded.serial, "", steps, live=generations(map(generation_of, live))
    )
    corrected = {} if wish.paths or wish.only else corrections_of(recorded, state, (), found)
    ahead = newer(recorded, live, workspace.store.generation)
    guards = Guards(protect=workspace.target.protect, foreign=foreign(state, live), ahead=ahead)
    refuse(refusals(steps, state, guards, wanted=None), made)
    bylaws = in_force(workspace.config.root, wish.policies, cached=wish.cached)
    planned = Planned(made, accepted(bylaws.problems), corrections=corrected)
    return held_against(bylaws, planned, workspace, "destroy")


def _deleting(manner: Manner) -> str:
    """What a deletion is written down as."""
    return "destroy" if manner.command == "apply" else manner.command
