"""The stages of a plan, in their order, over what is wanted, recorded and live.

load -> resolve -> diff -> order -> preflight
"""

from collections.abc import Sequence
from dataclasses import replace

from reconciler.apply import InTime, Pace, recoveries, unfinished
from reconciler.comparing import Sight, compared
from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.core.state import generation_of, generations
from reconciler.diff import altered, by_command, confined, drifts, newer, relabelled
from reconciler.guarding import guard, guards_of, suspects, with_unclaimed_traffic
from reconciler.observing import corrections_of, live_of, served_of
from reconciler.order import order
from reconciler.providers.provider import Renewing
from reconciler.saved import SavedPlan
from reconciler.wanted import loaded_of
from reconciler.wishes import Planned, Wish
from reconciler.workspace import Workspace


def sighted(workspace: Workspace, wish: Wish, pace: Pace) -> Sight:
    """All that the files say, that is recorded and that is live, or as much of that as is looked at at first."""
    loaded, recorded = loaded_of(workspace, wish), workspace.store.read()
    if not wish.refresh or workspace.offline:
        return Sight(loaded, recorded, refresh=False)
    if wish.minimal:
        return Sight(loaded, recorded, looked=frozenset())
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
    intents, who = unfinished(workspace.store)
    made = compared(workspace, wish, sight, besides, intents, pace)
    sight, state, resolved, found = made.sight, made.state, made.resolved, made.found
    loaded, recorded, live, refresh = sight.loaded, sight.recorded, sight.live, sight.refresh
    whole, by_files = not loaded.alone, wish.resources is None
    steps = order(confined(found, wish.only))
    plan = Plan(
        target=workspace.target.name,
        lineage=recorded.lineage,
        serial=recorded.serial,
        tree=loaded.tree,
        steps=steps,
        live=generations(map(generation_of, live)),
        pins=resolved.pins,
        unchanged=len({r.address for r in resolved.resources} - {c.address for c in found}),
        recovery=recoveries(intents, recorded, sight.seen),
        holder=None if alone else who,
        offline=workspace.offline,
        against=wish.against,
        labels={resource.address: resource.labels for resource in resolved.resources if resource.labels},
        by_command=tuple(by_command(resolved.resources, state)) if whole and by_files and not wish.only else (),
    )
    if saved:
        saved.refuse_unless(plan)
    others = suspects(workspace, recorded, pace) if alone and not sight.whole else ()
    ahead = newer(recorded, {item.address: item for item in (*others, *live)}.values(), workspace.store.generation)
    (more, recorded_besides), guards = sight.besides, guards_of(workspace, wish, state, live, ahead)
    eyes = InTime(workspace.provider, pace)
    known = state if refresh or workspace.offline else with_unclaimed_traffic(eyes, state, steps)
    guards, count = replace(guards, besides=recorded_besides), len(resolved.resources) + more
    guard(workspace, plan, known, guards, wanted=count if whole else None)
    told = tuple(drifts(recorded, live, ahead, of=sight.looked)) if refresh else ()
    meant = [each for each in resolved.resources if not wish.only or each.address in wish.only]
    corrected = corrections_of(recorded, state, resolved.resources, found) if whole and not wish.only else {}
    return Planned(plan, made.warnings, told, {**relabelled(recorded, meant), **corrected}, loaded.passed_over)
