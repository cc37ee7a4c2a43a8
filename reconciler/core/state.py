"""The state is what was recorded of a target; live is what the provider sees; drift is where they differ."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import FieldChange
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Entry:
    """One recorded resource.

    Args:
        spec: what the last successful step made true.
        generation: how many operations there were on this address.
        operation: the id of the last of them.
        created: when it was first recorded, ISO 8601 in UTC; `@latest` is the youngest.
        labels: by field, the label from which the version of a reference was taken, such as `latest`.
    """

    spec: Spec
    generation: int = 0
    operation: str = ""
    created: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """Everything recorded of one target; a change is a new value.

    Args:
        lineage: random identity given at birth; empty before anything was recorded.
        serial: grows with every change.
        entries: by address.
    """

    lineage: str = ""
    serial: int = 0
    entries: Mapping[Address, Entry] = field(default_factory=dict)

    def settle(self, address: Address, entry: Entry | None) -> "State":
        """The state in which the address is recorded like this; None forgets it."""
        entries = {**self.entries, address: entry} if entry else {k: v for k, v in self.entries.items() if k != address}
        return replace(self, entries=entries, serial=self.serial + 1)


@dataclass(frozen=True)
class Live:
    """One object as the provider sees it.

    Args:
        spec: the fields that the platform can tell; what it cannot tell is left out and not compared. Empty where
            only remains of an object are there, which a creation clears away as well as a deletion does.
        lineage: the state that made it; empty for an object that nobody's state made.
        generation: of the last operation that the platform accepted.
        operation: the id of that operation.
        status: Azure's provisioning states: Succeeded, Failed, Creating, Updating, Deleting.
        detail: facts for people, such as a scoring URI or what became of an instance.
        underway: fields that the platform itself is still bringing to this value, in steps, such as traffic.
        created: when it was made, ISO 8601 in UTC; empty where the platform does not tell.
    """

    address: Address
    spec: Spec
    lineage: str = ""
    generation: int = 0
    operation: str = ""
    status: str = "Succeeded"
    detail: Mapping[str, Any] = field(default_factory=dict)
    underway: Spec = field(default_factory=dict)
    created: str = ""


def generation_of(item: Live) -> str:
    """What tells that a live object moved although it may look the same."""
    return f"{item.address} {item.generation} {item.operation}"


def generations(told: Iterable[str]) -> str:
    """A digest of that over all live objects, in no order; empty where there are none."""
    ordered = sorted(told)
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest() if ordered else ""


@dataclass(frozen=True)
class Told:
    """What an instance tells of its code or its model.

    Args:
        loaded: the digest of the files that it loaded; empty where it does not know (yet).
        now: the digest of those files as they are now; empty where it does not know (yet).
        same: whether no file was touched since it loaded them.
    """

    loaded: str
    now: str
    same: bool


@dataclass(frozen=True)
class Served:
    """What one instance says that it serves, by what it has loaded itself; no parts where it cannot say.

    Args:
        parts: `code`, and by the name of each file or folder of its model `model/NAME`.
        why: it cannot say; empty where it can.
    """

    deployment: Address
    instance: str
    parts: Mapping[str, Told] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Newer:
    """A live object that its state changed later than the record knows of, so that the record is an older copy.

    Args:
        live: the object's generation.
        known: the highest generation that the record ever had of it.
    """

    address: Address
    live: int
    known: int

    def __str__(self) -> str:
        return f"{self.address}: live is of generation {self.live}, the record knows {self.known}"


class DriftClass(StrEnum):
    """How the live side differs from the record; EXPECTED never makes an exit code.

    LABEL is the one of which the live side knows nothing: a label that would be another version now than the one that
    was pinned.
    """

    CHANGED = "changed"
    MISSING = "missing"
    UNMANAGED = "unmanaged"
    LABEL = "label"
    EXPECTED = "expected"


@dataclass(frozen=True)
class Drift:
    """One resource whose live side is not as recorded; in `fields`, before is recorded and after is live.

    Of a label that moved, before is the pinned version and after the one that it would be now.
    """

    address: Address
    kind: DriftClass
    fields: tuple[FieldChange, ...] = ()
    note: str = ""


class Turn(StrEnum):
    """How a drift stands to an earlier look."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
