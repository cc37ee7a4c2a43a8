"""The inverse of a run: what would bring a target back to what was recorded of it before."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.core.secret import sealed, unsealed
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Inverse:
    """What a run's own plan would have to be undone by.

    Args:
        specs: of every address that the run was to touch, what was recorded before; None where nothing was.
        steps: the plan back from where the run was to lead. Their specs are left out, being those of above, and so are
            the fields of what is made anew.
    """

    specs: Mapping[Address, Spec | None] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


def inverse_json(inverse: Inverse) -> dict[str, Any]:
    """The inverse in JSON values, secrets as digests: what a record keeps."""
    return {
        "specs": {str(address): _spec_json(spec) for address, spec in sorted(inverse.specs.items())},
        "steps": [_step_json(step) for step in inverse.steps],
    }


def inverse_from(held: Mapping[str, Any]) -> Inverse:
    """The inverse of its JSON values; its secrets know their digests alone."""
    specs = {Address.parse(address): _spec_of(spec) for address, spec in held["specs"].items()}
    return Inverse(specs, tuple(map(_step_of, held["steps"])))


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "action": str(step.action),
        "address": str(step.address),
        "reason": step.reason,
        "fields": [[field.path, sealed(field.before), sealed(field.after)] for field in step.fields],
        "needs": list(step.needs),
    }


def _step_of(held: Mapping[str, Any]) -> Step:
    fields = tuple(FieldChange(path, unsealed(before), unsealed(after)) for path, before, after in held["fields"])
    action, address = Action(held["action"]), Address.parse(held["address"])
    return Step(held["id"], action, address, held["reason"], fields, None, None, tuple(held["needs"]))


def _spec_json(spec: Spec | None) -> Any:
    return None if spec is None else sealed(spec)


def _spec_of(held: Any) -> Spec | None:
    return None if held is None else unsealed(held)
