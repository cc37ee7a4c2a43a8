"""apply(): plan under the lock, ask, execute, record."""

import os
from dataclasses import replace

from reconciler.attending import locked, see_to_attendance
from reconciler.executing import executed, origin_of, settled
from reconciler.guarding import refuse
from reconciler.planning import plan, planned
from reconciler.runs import dirt_of, in_no_commit
from reconciler.saved import SavedPlan
from reconciler.wishes import Applied, Manner, Wish, paths_of
from reconciler.workspace import Workspace


def apply(workspace: Workspace, wish: Wish, manner: Manner | None = None, *, saved: SavedPlan | None = None) -> Applied:
    """Plan under the lock, ask, execute, record.

    Args:
        workspace: the target.
        wish: what to apply.
        manner: how to ask, how much at once, whom to tell.
        saved: a plan made before; anything else than exactly that plan is refused.

    Raises:
        StalePlanError: a saved plan no longer fits.
        LockHeldError: another run holds the target.
    """
    manner = manner or Manner()
    wish = manner.accept(workspace, wish, lambda wish: plan(workspace, wish, manner.pace))
    with locked(workspace, f"mlops {manner.command}", timeout_s=manner.lock_timeout_s, waiting=manner.waiting):
        settled(workspace, manner.pace)
        made = planned(workspace, wish, manner.pace, "apply", saved=saved)
        paths = paths_of(workspace.config, wish)
        if wish.resources is None and (wish.require_clean or workspace.target.require_clean):
            given = [*wish.given, *filter(None, (wish.name, wish.endpoint_name))]
            refuse(in_no_commit(workspace, paths, given), made.plan)
        made = replace(made, warnings=(*made.warnings, *dirt_of(workspace, paths, os.environ)))
        if made.plan.steps and not manner.confirm(made):
            return Applied(made, declined=True)
        outcomes = executed(workspace, made, manner.command, manner, origin_of(workspace, wish, paths))
        see_to_attendance(workspace)
    return Applied(made, outcomes)
