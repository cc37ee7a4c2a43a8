"""A change is what differs, a step is one provider call, a plan is ordered steps, an outcome is what a step did."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from reconciler.core.address import Address
from reconciler.core.manifest import Source, Spec
from reconciler.core.secret import sealed
from reconciler.frozen import dataclass


class Action(StrEnum):
    """What a step does; the names are the provider's methods, and a test proves that they are."""

    CREATE = "create"
    SCALE = "scale"
    ROLL_OUT = "roll_out"
    UPDATE = "update"
    ROUTE = "route"
    DELETE = "delete"


class FieldChange(NamedTuple):
    """One field before and after; None where it was or will be absent. `source` is where the after was written.

    No dataclass: a large plan makes a hundred thousand.
    """

    path: str
    before: Any
    after: Any
    source: Source | None = None


@dataclass(frozen=True)
class Change:
    """What differs of one resource: no `before` is a creation, no `after` a deletion.

    Args:
        replaces: the field that forces a deletion and a creation anew; empty when an update will do.
        needs: addresses that must exist before this resource does.
        drifted: fields that are not as recorded on the live side, whatever the manifests say of them.
    """

    address: Address
    before: Spec | None
    after: Spec | None
    fields: tuple[FieldChange, ...] = ()
    replaces: str = ""
    needs: tuple[Address, ...] = ()
    drifted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """One provider call.

    Args:
        id: counted from 1 in the order of the plan.
        before: what is recorded before the step; None when nothing is.
        after: what is true once the step is done, and no more; None for a deletion.
        needs: ids of the steps that must have succeeded before this one starts.
    """

    id: int
    action: Action
    address: Address
    reason: str
    fields: tuple[FieldChange, ...]
    before: Spec | None
    after: Spec | None
    needs: tuple[int, ...] = ()


class Became(StrEnum):
    """What became of an operation that has no end, by the live object."""

    DONE = "done"
    NOT_DONE = "not done"
    IN_PART = "done in part"
    OTHER = "something else"


@dataclass(frozen=True)
class Recovery:
    """An operation that has no end; unless its run is still at work, apply looks at what became of it.

    Args:
        fields: what it was to change; empty for creations and deletions.
        became: what apply will find, as it looks now; None where nobody looked.
    """

    operation: str
    action: str
    address: Address
    started: str
    fields: tuple[FieldChange, ...] = ()
    became: Became | None = None


@dataclass(frozen=True)
class Plan:
    """Ordered steps, and what they were computed from.

    Args:
        target: the name of the target.
        lineage: the identity of the state; a plan of one state is refused by another.
        serial: how often the state had changed.
        tree: digest of all the files read.
        live: digest of the generations of the live objects; empty when they were not looked at.
        pins: label references as resolved when planning, `risk@latest` to `risk:3`.
        labels: by address and field, the labels from which references were pinned, to be recorded with them.
        unchanged: how many resources need nothing.
        recovery: unfinished operations that apply settles first.
        offline: whether nobody was asked, and the record alone tells what there is.
        against: the revision of git whose files stood in for the record; empty for the record itself.
        holder: who is at work on the target at the moment, so that `recovery` is under way; None when nobody is.
        by_command: versions that a command registered and no file defines, which stay.
    """

    target: str
    lineage: str
    serial: int
    tree: str
    steps: tuple[Step, ...]
    live: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)
    unchanged: int = 0
    recovery: tuple[Recovery, ...] = ()
    offline: bool = False
    against: str = ""
    holder: Mapping[str, str | int] | None = None
    labels: Mapping[Address, Mapping[str, str]] = field(default_factory=dict)
    by_command: tuple[Address, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The identity of the plan: equal inputs give an equal digest."""
        return hashlib.sha256(json.dumps(plan_body(self), sort_keys=True).encode()).hexdigest()

    @cached_property
    def keys(self) -> Mapping[int, str]:
        """For the id of each step a name that stays when other resources' steps come and go.

        `route endpoint/credit`; where an address has several steps of one action, the later ones end in `#2` and so on.
        """
        met: Counter[str] = Counter()
        keys = {}
        for step in self.steps:
            name = f"{step.action} {step.address}"
            met[name] += 1
            keys[step.id] = name if met[name] == 1 else f"{name}#{met[name]}"
        return keys

    def count(self, action: Action) -> int:
        """How many steps do this."""
        return sum(step.action is action for step in self.steps)


def plan_body(plan: Plan) -> dict[str, Any]:
    """The whole plan in JSON values, secrets as digests: what a saved plan holds and its digest is taken of."""
    return {
        "target": plan.target,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "tree": plan.tree,
        "live": plan.live,
        "pins": dict(plan.pins),
        "recovery": [[item.operation, str(item.address)] for item in plan.recovery],
        "steps": [
            {
                "id": step.id,
                "action": str(step.action),
                "address": str(step.address),
                "reason": step.reason,
                "before": sealed(step.before),
                "after": sealed(step.after),
                "needs": list(step.needs),
            }
            for step in plan.steps
        ],
    }


class Result(StrEnum):
    """How a step ended; UNKNOWN when nobody answered, so that it may be done, or still come to be done."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """What a step did; `message` says why it did not succeed, `log_tail` what the deployment's logs say."""

    step: Step
    result: Result
    message: str = ""
    log_tail: tuple[str, ...] = ()
    seconds: float = 0.0


def _silent(_message: str) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Operation:
    """One attempt at a step, as the journal and the live object know it.

    Args:
        id: random; written down before the call, so that an unknown outcome can be looked up.
        lineage: the state that owns the object.
        generation: grows with every operation on an address; a provider refuses an older one than it has seen.
        report: takes one line that says what the step is waiting for.
    """

    id: str
    lineage: str
    generation: int
    report: Callable[[str], None] = field(default=_silent, compare=False, repr=False)
