"""Who last wrote a line of a file, and in which commit."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.core.manifest import Source
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Blame:
    """The last change of one line.

    Args:
        commit: git's id of the commit; empty where the line is in no commit yet.
        author: the name that the commit gives; foreign text.
        date: when it was written, ISO 8601 in UTC; empty where it is in no commit yet.
        summary: the first line of the commit's message; foreign text.
    """

    commit: str = ""
    author: str = ""
    date: str = ""
    summary: str = ""

    def __str__(self) -> str:
        return f"{self.commit[:12]} {self.author}" if self.commit else "not committed"


NOBODY: Mapping[Source, Blame] = MappingProxyType({})
"""Of no place it is known who wrote it."""
