"""The stages of a plan, in their order, over what is wanted, recorded and live.

load -> resolve -> diff -> order -> preflight
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial

from reconciler.apply import InTime, Pace, recoveries, unfinished
from reconciler.comparing import Compared, Sight, compared
from reconciler.core.plan import Plan, Recovery
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
    recorded, live = cache(workspace.store.read), cache(partial(live_of, workspace, pace))
    looks = wish.refresh and not workspace.offline

    def meanwhile() -> None:
        recorded()
        if looks and not wish.minimal:
            live()

    # Of the file of one resource is told what is wrong with it before anything else is asked.
    loaded = loaded_of(workspace, wish, meanwhile=None if wish.kind else meanwhile)
    if not looks:
        return Sight(loaded, recorded(), refresh=False)
    if wish.minimal:
        return Sight(loaded, recorded(), looked=frozenset())
    state, seen = recorded(), live()
    if isinstance(workspace.provider, Renewing):
        seen = altered(seen, state, served_of(workspace, pace))
    return Sight(loaded, state, seen)


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
    sight, state, resolved = made.sight, made.state, made.resolved
    recorded, live, refresh, whole = sight.recorded, sight.live, sight.refresh, not sight.loaded.alone
    plan = _plan_of(workspace, wish, made, recoveries(intents, recorded, sight.seen), None if alone else who)
    if saved:
        saved.refuse_unless(plan)
    others = suspects(workspace, recorded, pace) if alone and not sight.whole else ()
    ahead = newer(recorded, {item.address: item for item in (*others, *live)}.values(), workspace.store.generation)
    (more, recorded_besides), guards = sight.besides, guards_of(workspace, wish, state, live, ahead)
    eyes = InTime(workspace.provider, pace)
    known = state if refresh or workspace.offline else with_unclaimed_traffic(eyes, state, plan.steps)
    guards, count = replace(guards, besides=recorded_besides), len(resolved.resources) + more
    guard(workspace, plan, known, guards, wanted=count if whole else None)
    told = tuple(drifts(recorded, live, ahead, of=sight.looked)) if refresh else ()
    meant = [each for each in resolved.resources if not wish.only or each.address in wish.only]
    corrected = corrections_of(recorded, state, resolved.resources, made.found) if whole and not wish.only else {}
    return Planned(plan, made.warnings, told, {**relabelled(recorded, meant), **corrected}, sight.loaded.passed_over)


def _plan_of(
    workspace: Workspace,
    wish: Wish,
    made: Compared,
    recovery: tuple[Recovery, ...],
    holder: Mapping[str, str | int] | None,
) -> Plan:
    """The steps to what is wanted, and all that a plan says besides."""
    loaded, recorded, resources = made.sight.loaded, made.sight.recorded, made.resolved.resources
    is_all = not loaded.alone and wish.resources is None and not wish.only
    return Plan(
        target=workspace.target.name,
        lineage=recorded.lineage,
        serial=recorded.serial,
        tree=loaded.tree,
        steps=order(confined(made.found, wish.only)),
        live=generations(map(generation_of, made.sight.live)),
        pins=made.resolved.pins,
        unchanged=len({r.address for r in resources} - {c.address for c in made.found}),
        recovery=recovery,
        holder=holder,
        offline=workspace.offline,
        against=wish.against,
        labels={resource.address: resource.labels for resource in resources if resource.labels},
        by_command=tuple(by_command(resources, made.state)) if is_all else (),
    )
