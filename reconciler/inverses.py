"""What would undo a plan, from what is recorded before it: only of what the plan touches, so as large as the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.manifest import Manifest, Resource, Spec
from reconciler.core.plan import Action, Step
from reconciler.core.state import Entry, State
from reconciler.diff import changes
from reconciler.kinds import KINDS
from reconciler.order import order

NOT_THERE = "it was not there before"
_NONE: Mapping[Address, Entry | None] = MappingProxyType({})


def inverse_of(recorded: State, steps: Sequence[Step], corrections: Mapping[Address, Entry | None] = _NONE) -> Inverse:
    """What would bring the target back to what is recorded.

    Args:
        recorded: before anything is done.
        steps: those of the plan that is to be undone.
        corrections: how the record is corrected before the first step, of addresses that no step touches.
    """
    noted = {address: entry.spec if entry else None for address, entry in corrections.items()}
    after = {address: spec for address, spec in noted.items() if spec != _spec(recorded, address)}
    specs = {address: _spec(recorded, address) for address in after}
    for step in steps:
        if step.address not in specs:
            specs[step.address] = _with_what_nobody_claimed(_spec(recorded, step.address), step)
        after[step.address] = step.after
    then = State(entries={address: Entry(spec) for address, spec in after.items() if spec is not None})
    wanted = [resource_of(address, spec) for address, spec in sorted(specs.items()) if spec is not None]
    found = changes(wanted, then, keep=False)
    return Inverse(specs, tuple(map(_bare, order(found, deletion=NOT_THERE))))


def resource_of(address: Address, spec: Spec) -> Resource:
    """What a record tells of a resource, as if a manifest had asked for it."""
    return Resource(address, spec, Manifest("", address.kind, _platform(address, spec), {}, {}, {}))


def _spec(recorded: State, address: Address) -> Spec | None:
    entry = recorded.entries.get(address)
    return entry.spec if entry and entry.spec else None


def _with_what_nobody_claimed(spec: Spec | None, step: Step) -> Spec | None:
    """With the traffic that the step finds where nobody claimed any so far: it is the plan that begins to."""
    if spec is None or step.before is None:
        return spec
    left = KINDS[step.address.kind].left_alone
    return {**{name: value for name, value in step.before.items() if name in left}, **spec}


def _bare(step: Step) -> Step:
    """The step as an inverse keeps it."""
    return replace(step, before=None, after=None, fields=() if step.action is Action.CREATE else step.fields)


def _platform(address: Address, spec: Spec) -> str:
    """The platform whose defaults the spec has most of: it only tells which fields need not be shown."""
    defaults: Mapping[str, Mapping[str, object]] = KINDS[address.kind].defaults
    return max(sorted(defaults), key=lambda name: sum(spec.get(k) == v for k, v in defaults[name].items()), default="")
