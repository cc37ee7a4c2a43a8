"""Guards against doing too much: the deletion budget, an empty set, protected addresses, traffic, foreign objects."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, Step
from reconciler.core.rollout import begun
from reconciler.core.state import Newer, State
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS
from reconciler.kinds.references import named_assets


@dataclass(frozen=True)
class Guards:
    """What a plan may do.

    Args:
        max_delete: how many resources it may delete; None for the larger of 5 and 20 % of what is recorded.
        allow_empty: whether an empty set of manifests may delete everything.
        protect: addresses that no plan deletes.
        foreign: live objects that another state, or nobody, made, and their specs.
        where: the paths that the manifests were read from.
        ahead: live objects that this state made later than its record knows of.
        in_force: by endpoint, its live spec, where traffic is still on its way to what is recorded.
        besides: how many resources are recorded besides those of the state at hand.
    """

    max_delete: int | None = None
    allow_empty: bool = False
    protect: Collection[str] = ()
    foreign: Mapping[Address, Spec] = field(default_factory=dict)
    where: str = "."
    ahead: Sequence[Newer] = ()
    in_force: Mapping[Address, Spec] = field(default_factory=dict)
    besides: int = 0


def refusals(steps: Sequence[Step], state: State, guards: Guards, *, wanted: int | None) -> Iterator[str]:
    """One line for every reason not to run these steps.

    Args:
        steps: the plan.
        state: what is recorded.
        wanted: how many resources the manifests define; None when deleting everything is what was asked for.
    """
    yield from _older_record(guards.ahead)
    if wanted == 0 and not guards.allow_empty:
        yield (
            f"E-EMPTY: nothing is defined in {guards.where}; check the path, or say --allow-empty to delete everything"
        )
    created = {step.address for step in steps if step.action is Action.CREATE}
    deleted = [step for step in steps if step.action is Action.DELETE]
    gone = [step for step in deleted if step.address not in created]
    yield from _protected(deleted, guards)
    yield from _with_traffic(deleted, steps, state)
    yield from _with_traffic_of_others(deleted, guards)
    yield from _with_traffic_for_a_while(deleted, steps, guards)
    yield from _in_use(deleted, steps, state)
    yield from _foreign(steps, guards)
    budget = max(5, (len(state.entries) + guards.besides) // 5) if guards.max_delete is None else guards.max_delete
    if wanted is not None and len(gone) > budget:
        yield (
            f"E-DELETE-BUDGET: {len(gone)} resources would be deleted, {budget} may be: "
            f"{_some(gone)}; if that is meant, say --max-delete {len(gone)}"
        )


def _older_record(ahead: Sequence[Newer]) -> Iterator[str]:
    if ahead:
        told = "; ".join(map(str, ahead[:3])) + (f"; and {len(ahead) - 3} more" if len(ahead) > 3 else "")
        yield (
            f"E-OLD-RECORD: the record is older than what this state has made ({told}), so nothing is planned from it; "
            "bring back the newer record, make it anew with `mlops state rebuild`, or take what is live for what is "
            "recorded with `mlops apply --refresh-only`"
        )


def _protected(deleted: Sequence[Step], guards: Guards) -> Iterator[str]:
    for step in deleted:
        if str(step.address) in guards.protect:
            yield f"E-PROTECTED: {step.address} is protected and would be deleted ({step.reason})"


def _with_traffic(deleted: Sequence[Step], steps: Sequence[Step], state: State) -> Iterator[str]:
    """A deployment is not deleted while its endpoint sends it anything and goes on to do so, also one made anew."""
    routes = {step.address: step.after for step in steps if step.action is Action.ROUTE}
    going = {step.address for step in deleted}
    made = {step.address for step in steps if step.action is Action.CREATE}
    for step in deleted:
        parent = step.address.parent
        if (
            parent is None
            or parent not in state.entries
            or (parent in going and {parent, step.address} & made != {parent})
        ):
            continue
        recorded = state.entries[parent].spec
        for name in sorted(KINDS[parent.kind].route):
            share = _share(recorded, name, step.address.name)
            if share and _share(routes.get(parent, recorded), name, step.address.name):
                yield (
                    f"E-DELETE-TRAFFIC: {step.address.name} has {share} % of {name} and would be deleted "
                    f"({step.reason}); move it to another deployment first"
                )


def _with_traffic_of_others(deleted: Sequence[Step], guards: Guards) -> Iterator[str]:
    """A deployment is not deleted while an endpoint that is not ours sends it anything."""
    for step in deleted:
        parent = step.address.parent
        endpoint = guards.foreign.get(parent) if parent else None
        for name in sorted(KINDS[parent.kind].route) if parent else ():
            if share := _share(endpoint, name, step.address.name):
                yield (
                    f"E-DELETE-TRAFFIC: {step.address.name} has {share} % of {name} of {parent}, which was not made by "
                    f"this state, and would be deleted ({step.reason}); have its owner move that first"
                )


def _with_traffic_for_a_while(deleted: Sequence[Step], steps: Sequence[Step], guards: Guards) -> Iterator[str]:
    """A deployment is not deleted while traffic that leaves it step by step is still on its way."""
    going = {step.address for step in deleted}
    routes = {step.address: step for step in steps if step.action is Action.ROUTE}
    for step in deleted:
        parent = step.address.parent
        if parent is None or parent in going:
            continue
        route, live = routes.get(parent), guards.in_force.get(parent)
        share = _share(live, "traffic", step.address.name)
        if route and _moves_in_steps(route) and (_share(route.before, "traffic", step.address.name) or share):
            yield (
                f"E-DELETE-TRAFFIC: {step.address.name} would be deleted ({step.reason}) while traffic leaves it step "
                f"by step, as the rollout policy of {parent} says; move the traffic first, and delete it in a second "
                "change once the roll-out is done"
            )
        elif share and not route:
            yield (
                f"E-DELETE-TRAFFIC: {step.address.name} still has {share} % of traffic, which an unfinished roll-out "
                f"of {parent} takes from it ({step.reason}); apply again once `mlops status` shows it done"
            )


def _moves_in_steps(route: Step) -> bool:
    before, after = route.before or {}, route.after or {}
    shares = (before.get("traffic") or {}, after.get("traffic") or {})
    return begun(after.get("rollout"), *shares, operation="", now=0.0) is not None


def _share(endpoint: Spec | None, field: str, name: str) -> int:
    shares = (endpoint or {}).get(field) or {}
    return int(shares.get(name, 0))


def _in_use(deleted: Sequence[Step], steps: Sequence[Step], state: State) -> Iterator[str]:
    """What a recorded deployment stands on is not deleted under it: its endpoint, its model, its environment."""
    if all(step.address.endpoint for step in deleted):
        return
    last = {step.address: step.after for step in steps}
    going = {step.address for step in deleted}
    users: dict[Address, Address] = {}
    for address, entry in state.entries.items():
        if address.parent and address not in going:
            users.setdefault(address.parent, address)
            assets = named_assets(KINDS[address.kind], last.get(address, entry.spec) or {})
            users.update(dict.fromkeys(assets, address))
    for step in deleted:
        if step.address in users:
            yield (
                f"E-IN-USE: {step.address} would be deleted ({step.reason}) while {users[step.address]} stands on it; "
                "plan the whole folder, or what uses it as well"
            )


def _foreign(steps: Sequence[Step], guards: Guards) -> Iterator[str]:
    for step in steps:
        if step.action is Action.CREATE and step.address in guards.foreign:
            yield (
                f"E-FOREIGN: {step.address} exists already and was not made by this state, so it is not touched; "
                f"take it over with `mlops import {step.address}`, bring back the state that made it (its backup lies "
                "beside it; `mlops state rebuild` if it is lost), or choose another name"
            )


def _some(steps: Sequence[Step]) -> str:
    names = [str(step.address) for step in steps]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
