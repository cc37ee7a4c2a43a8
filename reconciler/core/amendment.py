"""What a command says of a resource by its options: a whole one in place of a file, or fields of one that is there."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from reconciler.core.address import Address
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Spelled:
    """A resource that the options of a command spell out, as a file would.

    Args:
        kind: the kind's name.
        document: as the file would have it; paths are relative to the current folder.
        options: by dotted field, the option that says it, to be named where it is wrong.
    """

    kind: str
    document: Mapping[str, Any]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Amendment:
    """What a command changes of a recorded resource; all else stays as it is.

    Args:
        address: of the resource.
        values: dotted fields (`tags.team`, a list's item as `[0]`) and what they become, in the order of the command.
        removed: dotted fields that go, before anything else is done; one with a default gets that.
        added: dotted lists and what comes behind their last item; after `removed`, before `values`.
        marks: fields that no file has, such as whether a version is archived; None takes one away.
        options: by dotted field of `values`, the option that says it, to be named where it is wrong; else `--set`.
    """

    address: Address
    values: tuple[tuple[str, Any], ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[tuple[str, Any], ...] = ()
    marks: Mapping[str, Any] | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """What is changed, as `ADDRESS.FIELD`; values may be secret."""
        given = (path for path, _ in (*self.values, *self.added))
        named = (*given, *self.removed, *sorted(self.marks or ()))
        return tuple(f"{self.address}.{path}" for path in named)
