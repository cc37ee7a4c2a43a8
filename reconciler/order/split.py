"""A change becomes parts, each one provider call; every part says what is true once it is done, and no more."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, Change, FieldChange
from reconciler.core.rollout import begun, spoken
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.autoscaling import COUNT


@dataclass(frozen=True, eq=False)
class Part:
    """A step that has no number yet; `needs` are the addresses that its change needs to exist."""

    action: Action
    address: Address
    reason: str
    fields: tuple[FieldChange, ...]
    before: Spec | None
    after: Spec | None
    needs: tuple[Address, ...] = ()


def split(changes: Iterable[Change], deletion: str) -> list[Part]:
    """All parts of all changes, in the order of the changes; a replaced endpoint takes its deployments along."""
    changes = list(changes)
    replaced = {change.address for change in changes if change.replaces}
    return [part for change in changes for part in _parts(change, replaced, deletion)]


def _parts(change: Change, replaced: Collection[Address], deletion: str) -> Iterator[Part]:
    if change.before is None:
        yield from _creation(change, "new")
    elif change.after is None:
        yield from _deletion(change, deletion)
    elif change.replaces or change.address.parent in replaced:
        why = f"{change.replaces} cannot change in place" if change.replaces else "its endpoint is"
        yield from _deletion(change, f"to be replaced: {why}{_ended(change.before)}")
        yield from _creation(change, f"replaced: {why}")
    else:
        yield from _update(change)


def _creation(change: Change, reason: str) -> Iterator[Part]:
    """Traffic is given once the deployments are there, so a new endpoint starts without."""
    assert change.after is not None  # noqa: S101 - a creation has an after
    kind = KINDS[change.address.kind]
    routed = {name: change.after[name] for name in kind.route if name in change.after}
    spec = {**change.after, **{name: {} for name in routed}} if routed else change.after
    made, later = _by_class(change.fields, kind.route)
    yield Part(Action.CREATE, change.address, reason, made, None, spec, change.needs)
    if any(routed.values()):
        yield Part(
            Action.ROUTE,
            change.address,
            _changed(kind, later) if later else "its traffic comes back",
            later,
            spec,
            change.after,
            change.needs,
        )


def _deletion(change: Change, reason: str) -> Iterator[Part]:
    """Traffic first: an endpoint that goes away stops to send any."""
    assert change.before is not None  # noqa: S101 - a deletion has a before
    kind, spec = KINDS[change.address.kind], change.before
    routed: dict[str, Spec] = {name: {} for name in kind.route if spec.get(name)}
    if routed:
        fields = tuple(FieldChange(name, spec[name], None) for name in sorted(routed))
        yield Part(Action.ROUTE, change.address, "traffic stops first", fields, spec, {**spec, **routed}, change.needs)
    yield Part(Action.DELETE, change.address, reason, (), {**spec, **routed}, None, change.needs)


def _ended(spec: Spec) -> str:
    """What of a resource ends with it, where that is more than its name."""
    count = spec.get("instance_count")
    return f"; ends {count} instance{'' if count == 1 else 's'}" if isinstance(count, int) else ""


def _update(change: Change) -> Iterator[Part]:
    """Scale first, then everything that needs new instances, then traffic."""
    assert change.before is not None  # noqa: S101 - an update has both
    assert change.after is not None  # noqa: S101
    kind, spec = KINDS[change.address.kind], change.before
    for action, names in _classes(kind, change):
        fields = tuple(field for field in change.fields if _top(field) in names)
        if fields:
            after = _with_fields(spec, change.after, names)
            reason = _changed(kind, fields) + (_pace(spec, after) if action is Action.ROUTE else "")
            yield Part(action, change.address, reason, fields, spec, after, change.needs)
            spec = after


def _classes(kind: Kind, change: Change) -> Sequence[tuple[Action, frozenset[str]]]:
    """Which fields each step makes true.

    Where instances were lost, or none is there as a creation was cut off, and a roll-out follows anyway, there is no
    scale before it: it would start more of what is about to be replaced, and may be what keeps dying.
    """
    everything = frozenset(change.before or ()) | frozenset(change.after or ())
    rest = everything - kind.scale - kind.route
    amiss = change.drifted & kind.scale or (change.before or {}).get(COUNT) == 0
    if amiss and any(_top(field) in rest for field in change.fields):
        return ((kind.update, rest | kind.scale), (Action.ROUTE, kind.route))
    return ((Action.SCALE, kind.scale), (kind.update, rest), (Action.ROUTE, kind.route))


def _pace(before: Spec, after: Spec) -> str:
    """How traffic moves where it does not move at once."""
    shares = (before.get("traffic") or {}, after.get("traffic") or {})
    way = begun(after.get("rollout"), *shares, operation="", now=0.0)
    if way is None:
        return ""
    return f"; by rollout {', '.join(map(str, way.steps))} % with {spoken(way.pause_s)} between"


def _with_fields(before: Spec, after: Spec, names: frozenset[str]) -> Spec:
    """The spec before with these fields as they are after."""
    kept = {name: value for name, value in before.items() if name not in names}
    return {**kept, **{name: value for name, value in after.items() if name in names}}


def _by_class(
    fields: Iterable[FieldChange], names: frozenset[str]
) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]:
    fields = tuple(fields)
    if not names:
        return fields, ()
    inside = tuple(field for field in fields if _top(field) in names)
    return tuple(field for field in fields if _top(field) not in names), inside


def _top(field: FieldChange) -> str:
    return field.path.partition(".")[0]


def _changed(kind: Kind, fields: Iterable[FieldChange]) -> str:
    """Why a step is there: the fields that changed, and what is amiss on the live side."""
    tops = dict.fromkeys(_top(field) for field in fields)
    names = ", ".join(name for name in tops if name not in kind.symptoms)
    amiss = [said for name, said in kind.symptoms.items() if name in tops]
    return "; ".join([*([f"{names} changed"] if names else []), *amiss])
