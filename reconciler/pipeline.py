"""plan(), apply(), drift(), destroy(), validate(): each a straight line of stages.

load -> resolve -> diff -> order -> preflight -> apply -> record
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.apply import Pace
from reconciler.attending import locked, see_to_attendance
from reconciler.completing import held_against, with_blame
from reconciler.core.problem import Problem
from reconciler.core.state import State
from reconciler.destroying import destroy
from reconciler.drifting import drift, refresh
from reconciler.executing import executed, origin_of, settled
from reconciler.guarding import refuse
from reconciler.judging import ask_for_authors, in_force, mistakes
from reconciler.load import Loaded, load_all
from reconciler.load.config import read_config
from reconciler.preflight import problems_of
from reconciler.remembering import looking
from reconciler.resolve import resolve
from reconciler.runs import dirt_of, in_no_commit
from reconciler.saved import SavedPlan
from reconciler.telemetry import span
from reconciler.wanted import options_of, paths_of, take_for_recorded
from reconciler.wishes import Applied, Manner, Planned, Wish
from reconciler.workspace import Workspace

__all__ = ["Applied", "Manner", "Planned", "Wish", "apply", "destroy", "drift", "plan", "refresh", "validate"]


def plan(workspace: Workspace, wish: Wish, pace: Pace | None = None) -> Planned:
    """What must be done so that the live side is as the manifests say, once what was cut off is recovered.

    Args:
        workspace: the target.
        wish: what is wanted.
        pace: how long the platform may take to say what is live.

    Raises:
        ManifestError: the files are wrong; carries every problem of every file.
        RefusedError: a guard or the quota forbids the plan, or the record is older than what is live.
    """
    if wish.against:
        take_for_recorded(workspace, wish)
    return _planned(workspace, wish, pace or Pace(), "plan")


def prepared(workspace: Workspace, wish: Wish, pace: Pace) -> Planned:
    """The plan of a run that holds the target's lock, and has recovered what was cut off; as `plan`."""
    return _planned(workspace, wish, pace, "rollback")


def _planned(workspace: Workspace, wish: Wish, pace: Pace, command: str, *, saved: SavedPlan | None = None) -> Planned:
    """The plan of a command, with who wrote what it comes from, held against the policies over plans."""
    bylaws = in_force(workspace.config.root, wish.policies)
    with span("plan", target=workspace.target.name, provider=workspace.provider.name):
        planned = _plan(workspace, wish, pace, bylaws.problems, saved=saved, alone=command != "plan")
    if wish.blame or ask_for_authors(bylaws.found):
        planned = with_blame(planned, workspace, wish)
    return held_against(bylaws, planned, workspace, command)


def _plan(
    workspace: Workspace, wish: Wish, pace: Pace, besides: Sequence[Problem], *, saved: SavedPlan | None, alone: bool
) -> Planned:
    """The plan as an earlier look had it, where all is as it was then, else made anew, which later looks then know.

    Args:
        workspace: the target.
        wish: what is wanted.
        pace: how long the platform may take to say what is live.
        besides: what is wrong with other files than the manifests.
        saved: a plan made before, against which this one is held.
        alone: whether the caller holds the target's lock, so that nobody else is at work on it.
    """
    look = looking(workspace, wish, pace, besides)
    if look and (known := look.again(alone=alone)):
        if saved:
            saved.refuse_unless(known.plan)
        return known
    from reconciler.planning import sighted, staged  # noqa: PLC0415 - what is known goes through no stage

    sight = sighted(workspace, wish, pace)
    planned = staged(workspace, wish, sight, pace, besides, saved=saved, alone=alone)
    if look:
        look.keep(planned, sight.loaded, sight.live)
    return planned


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
        planned = _planned(workspace, wish, manner.pace, "apply", saved=saved)
        paths = paths_of(workspace.config, wish)
        if wish.resources is None and (wish.require_clean or workspace.target.require_clean):
            given = [*wish.given, *filter(None, (wish.name, wish.endpoint_name))]
            refuse(in_no_commit(workspace, paths, given), planned.plan)
        planned = replace(planned, warnings=(*planned.warnings, *dirt_of(workspace, paths, os.environ)))
        if planned.plan.steps and not manner.confirm(planned):
            return Applied(planned, declined=True)
        outcomes = executed(workspace, planned, manner.command, manner, origin_of(workspace, wish, paths))
        see_to_attendance(workspace)
    return Applied(planned, outcomes)


def validate(wish: Wish, target: str | None, *, start: Path | None = None) -> tuple[Loaded, tuple[Problem, ...]]:
    """Every problem of the files by themselves; no platform and no record is asked, nothing of theirs is run.

    A single file may name what lies elsewhere, so only a folder is checked for names that lead nowhere.

    Args:
        wish: what to check.
        target: whose settings count; None for the default one.
        start: the folder where the user stands; by default the current one.
    """
    config = read_config(start or Path.cwd())
    options = options_of(config.target(target), wish, start=str(start or ""))
    loaded = load_all(paths_of(config, wish), options)
    whole = not loaded.alone
    resolved = resolve(loaded.manifests, State(), secret_key=b"", linked=whole, blind=True)
    broken = [manifest for manifest in loaded.manifests if not manifest.valid]
    found = problems_of(resolved.resources, broken, () if whole else None, pinned=config.target(target).pinned)
    told = mistakes(config.root, wish.policies)
    return loaded, tuple(sorted({*loaded.problems, *resolved.problems, *found, *told}))
