"""plan(), apply(), drift(), destroy(), validate(): each a straight line of stages.

load -> resolve -> diff -> order -> preflight -> apply -> record
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.apply import InTime, Pace, as_recovered, recoveries, unfinished
from reconciler.attending import locked, see_to_attendance
from reconciler.core.address import Address
from reconciler.core.bylaw import Bylaws
from reconciler.core.manifest import Resource
from reconciler.core.plan import Change, Plan
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, Entry, Live, Served, State
from reconciler.diff import (
    altered,
    by_command,
    changes,
    confined,
    corrections,
    drifts,
    fold,
    foreign,
    labelled,
    moved_labels,
    newer,
    relabelled,
    silent,
    under_way,
    with_served,
)
from reconciler.executing import executed, origin_of, settled
from reconciler.guarding import generations, guard, guards_of, refuse, suspects, with_unclaimed_traffic
from reconciler.judging import Occasion, ask_for_authors, in_force, judged, mistakes
from reconciler.load import Loaded, load_all
from reconciler.load.behind import behind
from reconciler.load.blame import blamed
from reconciler.load.config import read_config
from reconciler.load.removed import with_removals
from reconciler.load.taken_out import taken_out, written
from reconciler.order import order
from reconciler.preflight import Guards, problems_of, refusals
from reconciler.providers.provider import Renewing, ServedSource
from reconciler.resolve import Registry, resolve
from reconciler.runs import dirt_of, in_no_commit
from reconciler.saved import SavedPlan
from reconciler.telemetry import span
from reconciler.wanted import (
    accepted,
    defined,
    loaded_of,
    named,
    options_of,
    paths_of,
    refuse_unknown,
    take_for_recorded,
    wanted,
)
from reconciler.wishes import Applied, Drifted, Manner, Planned, Wish
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
        planned = _with_blame(planned, workspace, wish)
    return _held_against(bylaws, planned, workspace, command)


def _held_against(bylaws: Bylaws, planned: Planned, workspace: Workspace, command: str) -> Planned:
    """The plan, with what the policies warn of; what they deny is raised."""
    if not bylaws.found:
        return planned
    occasion = Occasion(command, workspace.config.root, workspace.target, planned.blame)
    with span("judge"):
        told = judged(planned.plan, bylaws.found, occasion)
    return replace(planned, warnings=(*planned.warnings, *told))


def _plan(
    workspace: Workspace,
    wish: Wish,
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
        pace: how long the platform may take to say what is live.
        besides: what is wrong with other files than the manifests.
        saved: a plan made before.
        alone: whether the caller holds the target's lock, so that nobody else is at work on it.
    """
    loaded = loaded_of(workspace, wish)
    recorded = workspace.store.read()
    refresh = wish.refresh and not workspace.offline
    live = _seen(workspace, pace) if refresh else ()
    if refresh and isinstance(workspace.provider, Renewing):
        live = altered(live, recorded, _served(workspace))
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
    looked_at = live if refresh or not alone else suspects(workspace, recorded)
    ahead = newer(recorded, looked_at, workspace.store.generation)
    guards = guards_of(workspace, wish, state, live, ahead)
    known = state if refresh or workspace.offline else with_unclaimed_traffic(workspace.provider, state, steps)
    guard(workspace, made, known, guards, wanted=len(resolved.resources) if whole else None)
    told = tuple(drifts(recorded, live, ahead)) if refresh else ()
    meant = [each for each in resolved.resources if not wish.only or each.address in wish.only]
    corrected = _corrections(recorded, state, resolved.resources, found) if whole and not wish.only else {}
    return Planned(made, warnings, told, {**relabelled(recorded, meant), **corrected}, loaded.passed_over)


def _with_blame(planned: Planned, workspace: Workspace, wish: Wish) -> Planned:
    """The plan with those who last wrote what its fields come from, or a warning that git does not say it."""
    root, steps = workspace.config.root, planned.plan.steps
    if not steps:
        return planned
    with span("blame"):
        paths, taken = paths_of(workspace.config, wish), taken_out(steps, workspace.manifests)
        steps, went = with_removals(steps, root, options_of(workspace.target, wish), paths=paths, taken=taken)
        # Of a field that was taken out, whoever wrote what held it did not do it.
        sources = written(steps, taken)
        named = behind(workspace.manifests) if sources else {}
        found = blamed(sources, root, paths=wish.paths, named=named, cache=workspace.cache)
    return replace(
        planned,
        plan=replace(planned.plan, steps=steps),
        blame={**found.found, **went},
        warnings=(*planned.warnings, *found.problems()),
    )


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
    live = _seen(workspace, pace)
    state = fold(recorded, live)
    found = changes((), state, keep=False)
    if wish.paths or wish.only:
        meant = named(workspace, wish.only, state) if wish.only else defined(workspace, wish, state)
        found = [change for change in found if change.address in meant]
    steps = order(found, deletion="to be destroyed")
    made = Plan(workspace.target.name, recorded.lineage, recorded.serial, "", steps, live=generations(live))
    corrected = {} if wish.paths or wish.only else _corrections(recorded, state, (), found)
    ahead = newer(recorded, live, workspace.store.generation)
    guards = Guards(protect=workspace.target.protect, foreign=foreign(state, live), ahead=ahead)
    refuse(refusals(steps, state, guards, wanted=None), made)
    bylaws = in_force(workspace.config.root, wish.policies)
    planned = Planned(made, accepted(bylaws.problems), corrections=corrected)
    return _held_against(bylaws, planned, workspace, "destroy")


def _deleting(manner: Manner) -> str:
    """What a deletion is written down as."""
    return "destroy" if manner.command == "apply" else manner.command


def drift(workspace: Workspace, *, served: bool = True, looks: int = 3, pace: Pace | None = None) -> Drifted:
    """What changed behind git's back; where a run records something between our two looks, we look again.

    Args:
        workspace: the target.
        served: whether instances are asked which content they have loaded.
        looks: how often at the most.
        pace: how long the platform may take to say what is live.
    """
    recorded, live = workspace.store.read(), _seen(workspace, pace or Pace())
    told = _served(workspace) if served else ()
    if isinstance(workspace.provider, Renewing):
        live = altered(live, recorded, told)
    intents, who = unfinished(workspace.store)
    found = drifts(recorded, live, newer(recorded, live, workspace.store.generation))
    found = with_served(found, recorded, told)
    if found and looks > 1 and workspace.store.read().serial != recorded.serial:
        return drift(workspace, served=served, looks=looks - 1, pace=pace)
    if who is not None:
        found = under_way(found, {intent.address for intent in intents})
    found += moved_labels(recorded, Registry.of(recorded).latest)
    untold = recoveries(intents, recorded, {item.address: item for item in live})
    ordered = tuple(sorted(found, key=lambda each: each.address))
    return Drifted(ordered, len(recorded.entries), untold, who, workspace.target.name, silent(told))


def refresh(workspace: Workspace, manner: Manner | None = None) -> tuple[Drift, ...]:
    """Record the live side as it is, and change nothing there."""
    manner = manner or Manner()
    with locked(workspace, "mlops apply --refresh-only", timeout_s=manner.lock_timeout_s):
        settled(workspace, manner.pace)
        recorded = workspace.store.read()
        live = _seen(workspace, manner.pace)
        found = drifts(recorded, live, newer(recorded, live, workspace.store.generation))
        for address, entry in _corrections(recorded, fold(recorded, live), (), ()).items():
            workspace.store.note(address, entry)
        return tuple(found)


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


def _seen(workspace: Workspace, pace: Pace) -> tuple[Live, ...]:
    with span("observe"):
        return tuple(InTime(workspace.provider, pace.step_timeout_s).list())


def _served(workspace: Workspace) -> Sequence[Served]:
    with span("ask instances"):
        return workspace.provider.served() if isinstance(workspace.provider, ServedSource) else ()


def _corrections(
    recorded: State, folded: State, resources: Iterable[Resource], found: Iterable[Change]
) -> Mapping[Address, Entry | None]:
    claimed = {resource.address: resource.spec for resource in resources}
    return corrections(recorded, folded, claimed=claimed, touched={change.address for change in found})
