"""plan(), apply(), drift(), destroy(), validate(): each a straight line of stages.

load -> resolve -> diff -> order -> preflight -> apply -> record
"""

import difflib
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.apply import InTime, Pace, as_recovered, recoveries, unfinished
from reconciler.attending import locked, see_to_attendance, unfollowed
from reconciler.core.address import Address
from reconciler.core.bylaw import Bylaws
from reconciler.core.manifest import Resource
from reconciler.core.plan import Action, Change, Plan, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, Entry, Live, Newer, Served, State
from reconciler.diff import (
    altered,
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
from reconciler.errors import ManifestError, MlopsError, RefusedError
from reconciler.executing import executed, origin_of, settled
from reconciler.judging import Occasion, ask_for_authors, in_force, judged, mistakes
from reconciler.kinds import KINDS
from reconciler.load import Loaded, Options, at_revision, load_all, with_secrets
from reconciler.load.behind import behind
from reconciler.load.blame import blamed
from reconciler.load.config import Config, Target, read_config
from reconciler.load.removed import with_removals
from reconciler.order import order
from reconciler.preflight import Guards, over_quota, problems_of, refusals
from reconciler.providers.provider import FenceSource, Provider, Renewing, ServedSource
from reconciler.resolve import Registry, Resolved, resolve
from reconciler.runs import dirt_of, in_no_commit
from reconciler.saved import SavedPlan
from reconciler.telemetry import span
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
        _take_for_recorded(workspace, wish)
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
    loaded = _load(workspace, wish)
    recorded = workspace.store.read()
    refresh = wish.refresh and not workspace.offline
    live = _seen(workspace, pace) if refresh else ()
    if refresh and isinstance(workspace.provider, Renewing):
        live = altered(live, recorded, _served(workspace))
    intents, who = unfinished(workspace.store)
    seen = {item.address: item for item in live} if refresh else None
    state = fold(as_recovered(recorded, intents, seen), live) if seen is not None else recorded
    whole = not loaded.alone
    resolved, warnings = _wanted(workspace, wish, loaded, state, besides)
    _known(wish.only, resolved, state)
    state = labelled(state, resolved.resources)
    found = changes(resolved.resources, state, recorded=recorded, whole=whole)
    steps = order(confined(found, wish.only))
    made = Plan(
        target=workspace.target.name,
        lineage=recorded.lineage,
        serial=recorded.serial,
        tree=loaded.tree,
        steps=steps,
        live=_generations(live),
        pins=resolved.pins,
        unchanged=len({r.address for r in resolved.resources} - {c.address for c in found}),
        recovery=recoveries(intents, recorded, seen),
        holder=None if alone else who,
        offline=workspace.offline,
        against=wish.against,
        labels={resource.address: resource.labels for resource in resolved.resources if resource.labels},
    )
    if saved:
        saved.refuse_unless(made)
    looked_at = live if refresh or not alone else _suspects(workspace, recorded)
    ahead = newer(recorded, looked_at, workspace.store.generation)
    guards = _guards(workspace, wish, state, live, ahead)
    known = state if refresh or workspace.offline else _with_unclaimed_traffic(workspace.provider, state, steps)
    _guard(workspace, made, known, guards, wanted=len(resolved.resources) if whole else None)
    return Planned(
        made,
        warnings,
        tuple(drifts(recorded, live, ahead)) if refresh else (),
        {
            **relabelled(recorded, [each for each in resolved.resources if not wish.only or each.address in wish.only]),
            **(_corrections(recorded, state, resolved.resources, found) if whole and not wish.only else {}),
        },
        loaded.passed_over,
    )


def _with_blame(planned: Planned, workspace: Workspace, wish: Wish) -> Planned:
    """The plan with those who last wrote what its fields come from, or a warning that git does not say it."""
    root, steps = workspace.config.root, planned.plan.steps
    # Of a field that was taken out, the place is that of what held it, and whoever wrote that did not do it.
    sources = [f.source for step in steps for f in step.fields if f.source and f.after is not None]
    if not steps:
        return planned
    with span("blame"):
        named = behind(workspace.manifests) if sources else {}
        found = blamed(sources, root, paths=wish.paths, named=named, cache=workspace.cache)
        options = _options(workspace.target, wish)
        steps, went = with_removals(steps, root, options, paths=_paths(workspace.config, wish))
    return replace(
        planned,
        plan=replace(planned.plan, steps=steps),
        blame={**found.found, **went},
        warnings=(*planned.warnings, *found.problems()),
    )


def _wanted(
    workspace: Workspace, wish: Wish, loaded: Loaded, state: State, besides: Iterable[Problem]
) -> tuple[Resolved, tuple[Problem, ...]]:
    """What the files say, and warnings; what is wanted in their place was checked when it was first applied."""
    if wish.resources is not None:
        return Resolved(wish.resources, (), {}), _accepted(besides)
    whole = not loaded.alone
    resolved = resolve(loaded.manifests, state, secret_key=workspace.store.secret_key(), whole=whole)
    return resolved, _accepted([*_problems(workspace, loaded, resolved, state, whole=whole), *besides])


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
    with locked(workspace, f"mlops {manner.command}", timeout_s=manner.lock_timeout_s):
        settled(workspace, manner.pace)
        planned = _planned(workspace, wish, manner.pace, "apply", saved=saved)
        paths = _paths(workspace.config, wish)
        if wish.resources is None and (wish.require_clean or workspace.target.require_clean):
            given = [*wish.given, *filter(None, (wish.name, wish.endpoint_name))]
            _refuse(in_no_commit(workspace, paths, given), planned.plan)
        planned = replace(planned, warnings=(*planned.warnings, *dirt_of(workspace, paths, os.environ)))
        if planned.plan.steps and not manner.confirm(planned):
            return Applied(planned, declined=True)
        outcomes = executed(workspace, planned, manner.command, manner, origin_of(workspace, wish, paths))
        see_to_attendance(workspace)
    return Applied(planned, outcomes)


def destroy(workspace: Workspace, wish: Wish, manner: Manner | None = None) -> Applied:
    """Delete what the wish's paths define, or without paths everything that is recorded; traffic goes first."""
    manner = manner or Manner()
    with locked(workspace, "mlops destroy", timeout_s=manner.lock_timeout_s):
        settled(workspace, manner.pace)
        recorded = workspace.store.read()
        live = _seen(workspace, manner.pace)
        state = fold(recorded, live)
        found = changes((), state)
        if wish.paths:
            defined = _defined(workspace, wish, state)
            found = [change for change in found if change.address in defined]
        steps = order(found, deletion="to be destroyed")
        made = Plan(workspace.target.name, recorded.lineage, recorded.serial, "", steps, live=_generations(live))
        corrected = {} if wish.paths else _corrections(recorded, state, (), found)
        planned = Planned(made, corrections=corrected)
        ahead = newer(recorded, live, workspace.store.generation)
        guards = Guards(protect=workspace.target.protect, foreign=foreign(state, live), ahead=ahead)
        _refuse(refusals(steps, state, guards, wanted=None), made)
        bylaws = in_force(workspace.config.root, wish.policies)
        planned = replace(planned, warnings=_accepted(bylaws.problems))
        planned = _held_against(bylaws, planned, workspace, "destroy")
        if steps and not manner.confirm(planned):
            return Applied(planned, declined=True)
        outcomes = executed(workspace, planned, "destroy", manner)
        see_to_attendance(workspace)
    return Applied(planned, outcomes)


def _defined(workspace: Workspace, wish: Wish, state: State) -> set[Address]:
    """The addresses that the files define, whatever else is wrong with them."""
    loaded = _load(workspace, wish)
    resolved = resolve(loaded.manifests, state, secret_key=workspace.store.secret_key(), linked=False)
    return {resource.address for resource in resolved.resources}


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


def validate(wish: Wish, target: str | None) -> tuple[Loaded, tuple[Problem, ...]]:
    """Every problem of the files by themselves; no platform and no record is asked, nothing of theirs is run.

    A single file may name what lies elsewhere, so only a folder is checked for names that lead nowhere.
    """
    config = read_config(Path.cwd())
    loaded = load_all(_paths(config, wish), _options(config.target(target), wish))
    whole = not loaded.alone
    resolved = resolve(loaded.manifests, State(), secret_key=b"", linked=whole)
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


def _suspects(workspace: Workspace, recorded: State) -> tuple[Live, ...]:
    """What is live of all that may have changed since it was recorded, where nobody looks at the rest."""
    provider, store = workspace.provider, workspace.store
    fences = provider.fences() if isinstance(provider, FenceSource) else {}
    suspects = [a for a, fence in fences.items() if a in recorded.entries and fence > store.generation(a)]
    return tuple(live for address in suspects if (live := provider.observe(address)))


def _load(workspace: Workspace, wish: Wish) -> Loaded:
    if wish.resources is not None:
        return Loaded((), (), (), "")
    options = _options(workspace.target, wish, cache=workspace.cache)
    with span("load"):
        loaded = load_all(_paths(workspace.config, wish), options)
    if not wish.against:  # references of both sides are compared as they are written
        manifests, unresolved = with_secrets(loaded.manifests, os.environ)
        loaded = replace(loaded, manifests=manifests, problems=(*loaded.problems, *unresolved))
    workspace.files.update(loaded.files)
    workspace.manifests[:] = loaded.manifests
    for manifest in loaded.manifests:
        workspace.contents.update({content.digest: content for content in manifest.contents.values()})
    return loaded


def _take_for_recorded(workspace: Workspace, wish: Wish) -> None:
    """Take what the files say at a revision, `mlops.yaml` among them, for what is recorded; but not what is wrong."""
    target, paths = at_revision(wish.against, workspace.config, workspace.target, wish.paths)
    loaded = load_all(paths, _options(target, wish))
    resolved = resolve(loaded.manifests, State(), secret_key=workspace.store.secret_key())
    with workspace.store.lock({}, timeout_s=0):
        for resource in resolved.resources:
            workspace.store.note(resource.address, Entry(resource.spec, labels=resource.labels))


def _options(target: Target, wish: Wish, *, cache: Path | None = None) -> Options:
    """The target's variables and overrides, under those of the command line."""
    return Options(
        variables={**target.variables, **wish.variables},
        overrides=(*target.overrides, *wish.overrides),
        policies=target.policy_fields,
        name=wish.name,
        endpoint_name=wish.endpoint_name,
        cache=cache,
    )


def _paths(config: Config, wish: Wish) -> tuple[str, ...]:
    return wish.paths or (os.path.relpath(config.root / config.manifests),)


def _problems(workspace: Workspace, loaded: Loaded, resolved: Resolved, state: State, *, whole: bool) -> list[Problem]:
    broken = [manifest for manifest in loaded.manifests if not manifest.valid]
    elsewhere, going = ((), state.entries) if whole else (state.entries, ())
    return [
        *loaded.problems,
        *resolved.problems,
        *problems_of(resolved.resources, broken, elsewhere, going=going, pinned=workspace.target.pinned),
        *(() if workspace.offline else _objections(workspace.provider, resolved.resources)),
    ]


def _objections(provider: Provider, resources: Sequence[Resource]) -> list[Problem]:
    """What the target's provider says against the resources."""
    return [*provider.objections(resources), *unfollowed(provider, resources)]


def _accepted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The warnings, if there is no error; a warning in a check of a file alone may be an error in a plan."""
    found = tuple(sorted(set(problems)))
    errors = [problem for problem in found if problem.is_error or problem.code == "W-PLACEHOLDER"]
    if errors:
        raise ManifestError(found)
    return found


def _corrections(
    recorded: State, folded: State, resources: Iterable[Resource], found: Iterable[Change]
) -> Mapping[Address, Entry | None]:
    claimed = {resource.address: resource.spec for resource in resources}
    return corrections(recorded, folded, claimed=claimed, touched={change.address for change in found})


def _known(only: Sequence[Address], resolved: Resolved, state: State) -> None:
    """Refuse an address that is neither wanted nor recorded: a plan of nothing would look as if all were well."""
    known = sorted({str(address) for address in (*state.entries, *(r.address for r in resolved.resources))})
    for address in only:
        if str(address) not in known:
            near = difflib.get_close_matches(str(address), known, n=1)
            advice = f"did you mean {near[0]}?" if near else "`mlops plan` without --only shows what there is"
            raise MlopsError(f"--only {address}: it is neither defined nor recorded; {advice}")


def _with_unclaimed_traffic(provider: Provider, state: State, steps: Iterable[Step]) -> State:
    """The record with live traffic where a deployment is to go and nothing is recorded, as nobody claims it.

    Not even a plan that is to look at nothing deletes what answers requests.
    """
    gone = {step.address.parent for step in steps if step.action is Action.DELETE and step.address.parent}
    entries = dict(state.entries)
    for address in sorted(gone & entries.keys()):
        live, spec = provider.observe(address), entries[address].spec
        if live is not None and live.lineage == state.lineage:
            found = {name: live.spec[name] for name in KINDS[address.kind].left_alone if name in live.spec}
            entries[address] = replace(entries[address], spec={**found, **spec})
    return replace(state, entries=entries)


def _guards(workspace: Workspace, wish: Wish, state: State, live: Sequence[Live], ahead: Sequence[Newer]) -> Guards:
    target = workspace.target
    return Guards(
        max_delete=wish.max_delete if wish.max_delete is not None else target.max_delete,
        allow_empty=wish.allow_empty,
        protect=target.protect,
        foreign=foreign(state, live),
        where=", ".join(_paths(workspace.config, wish)),
        ahead=ahead,
        in_force={item.address: item.spec for item in live if item.underway},
    )


def _guard(workspace: Workspace, made: Plan, state: State, guards: Guards, *, wanted: int | None) -> None:
    over = over_quota(made.steps, state, workspace.target.quota)
    _refuse([*refusals(made.steps, state, guards, wanted=wanted), *over], made)


def _refuse(reasons: Iterable[str], plan: Plan) -> None:
    found = tuple(reasons)
    if found:
        raise RefusedError("\n".join(found), plan=plan)


def _generations(live: Iterable[Live]) -> str:
    """What tells that a live object moved although it may look the same."""
    told = sorted(f"{item.address} {item.generation} {item.operation}" for item in live)
    return hashlib.sha256("\n".join(told).encode()).hexdigest() if told else ""
