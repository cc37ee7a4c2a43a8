"""The root of a record: by comparing it alone it is known whether anything recorded has changed."""

from collections.abc import Iterable

from reconciler.frozen import dataclass
from reconciler.record.codec import EMPTY_SET, toggled


@dataclass(frozen=True)
class Root:
    """What one row tells of all the others.

    Two roots of one target that are equal stand for records whose entries are equal, byte for byte: the digest is over
    the whole rows, with the labels, generation, operation and time of each. The same entries may have several roots, as
    when they are sealed under another key.

    Args:
        lineage: the identity of the record.
        serial: grows with every change of an entry.
        entries: how many there are.
        digest: over the rows of all entries, in no order.
        open: how many operations have no end.
        open_digest: over the rows of these.
    """

    lineage: str
    serial: int
    entries: int
    digest: str
    open: int
    open_digest: str

    def is_of(self, digests: Iterable[str]) -> bool:
        """Whether the rows of these digests are all the entries that the root stands for, and no others."""
        found = list(digests)
        return len(found) == self.entries and toggled(EMPTY_SET, *found) == self.digest
