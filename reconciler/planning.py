"""The stages of a plan, in their order, over what is wanted, recorded and live.

load -> resolve -> diff -> order -> preflight
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.apply import InTime, Pace, as_recovered, recoveries, unfinished
from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.core.state import Live, State
from reconciler.diff import altered, by_command, changes, confined, drifts, fold, labelled, newer, relabelled
from reconciler.guarding import generations, guard, guards_of, suspects, with_unclaimed_traffic
from reconciler.load import Loaded
from reconciler.observing import corrections_of, live_of, served_of
from reconciler.order import order
from reconciler.providers.provider import Renewing
from reconciler.saved import SavedPlan
from reconciler.wanted import loaded_of, refuse_unknown, wanted
from reconciler.wishes import Planned, Wish
from reconciler.workspace import Workspace


@dataclass(frozen=True)
class Sight:
    """What a plan is made of.

    Args:
        loaded: what the files say.
        recorded: what is recorded.
        live: what is live; nothing where nobody looked.
        refresh: whether somebody looked.
    """

    loaded: Loaded
    recorded: State
    live: tuple[Live, ...] = ()
    refresh: bool = True


def sighted(workspace: Workspace, wish: Wish, pace: Pace) -> Sight:
    """All that the files say, that is recorded and that is live."""
    loaded, recorded = loaded_of(workspace, wish), workspace.store.read()
    if not wish.refresh or workspace.offline:
        return Sight(loaded, recorded, refresh=False)
    live = live_of(workspace, pace)
    if isinstance(workspace.provider, Renewing):
        live = altered(live, recorded, served_of(workspace, pace))
    return Sight(loaded, recorded, live)


def staged(
    workspace: Workspace,
    wish: Wish,
    sight: Sight,
    pace: Pace,
    besides: Sequence[Problem],
    *,
    saved: SavedPlan | None,
    alone: bool,
) -> Planned:
    """Make a plan, hold it against a saved one, which may be stale, and then against what may be done.

    Args:
        workspace: the target.
        wish: what is wanted.
        sight: what it is made of.
        pace: how long the platform may take to say more.
        besides: what is wrong with other files than the manifests.
        saved: a plan made before.
        alone: whether the caller holds the target's lock, so that nobody else is at work on it.
    """
    loaded, recorded, live, refresh = sight.loaded, sight.recorded, sight.live, sight.refresh
    intents, who = unfinished(workspace.store)
    seen = {item.address: item for item in live} if refresh else None
    state = fold(as_recovered(recorded, intents, seen), live) if seen is not None else recorded
    whole = not loaded.alone
    resolved, warnings = wanted(workspace, wish, loaded, state, besides)
    refuse_unknown(wish.only, resolved, state)
    state = labelled(state, resolved.resources)
    # What is wanted in the place of files is what was recorded, and nothing that was registered since.
    by_files = wish.resources is None
    found = changes(resolved.resources, state, recorded=recorded, whole=whole, keep=by_files)
    steps = order(confined(found, wish.only))
    made = Plan(
        target=workspace.target.name,
        lineage=recorded.lineage,
        serial=recorded.serial,
        tree=loaded.tree,
        steps=steps,
        live=generations(live),
        pins=resolved.pins,
        unchanged=len({r.address for r in resolved.resources} - {c.address for c in found}),
        recovery=recoveries(intents, recorded, seen),
        holder=None if alone else who,
        offline=workspace.offline,
        against=wish.against,
        labels={resource.address: resource.labels for resource in resolved.resources if resource.labels},
        by_command=tuple(by_command(resolved.resources, state)) if whole and by_files and not wish.only else (),
    )
    if saved:
        saved.refuse_unless(made)
    looked_at = live if refresh or not alone else suspects(workspace, recorded, pace)
    ahead = newer(recorded, looked_at, workspace.store.generation)
    guards = guards_of(workspace, wish, state, live, ahead)
    eyes = InTime(workspace.provider, pace)
    known = state if refresh or workspace.offline else with_unclaimed_traffic(eyes, state, steps)
    guard(workspace, made, known, guards, wanted=len(resolved.resources) if whole else None)
    told = tuple(drifts(recorded, live, ahead)) if refresh else ()
    meant = [each for each in resolved.resources if not wish.only or each.address in wish.only]
    corrected = corrections_of(recorded, state, resolved.resources, found) if whole and not wish.only else {}
    return Planned(made, warnings, told, {**relabelled(recorded, meant), **corrected}, loaded.passed_over)
