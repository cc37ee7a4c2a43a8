"""What git's index says of files, in parts: which of it is as it was is told by digests, and only the rest is read."""

import hashlib
import zlib
from collections.abc import Collection, Sequence, Set

from reconciler.frozen import dataclass
from reconciler.late import pattern

# So many that the change of one file leaves a thousandth of the others to be looked at.
_PARTS = 1024
_ENTRY = pattern(rb"\S \d{6} [0-9a-f]+ \d\t([^\0]+)\0(?:  [^\n]*\n){5}")


@dataclass(frozen=True)
class IndexParts:
    """The entries of files by parts.

    Args:
        texts: by part all that is said of its files.
    """

    texts: Sequence[bytes]

    def digests(self) -> list[str]:
        """What tells each part from another one."""
        return [hashlib.sha256(text).hexdigest()[:32] if text else "" for text in self.texts]

    def differing(self, earlier: list[str]) -> frozenset[int]:
        """The parts that are not as they were, of which these were the digests."""
        now = self.digests()
        return frozenset(number for number, digest in enumerate(now) if earlier[number : number + 1] != [digest])

    def said(self, parts: Collection[int]) -> bytes:
        """All that is said in some parts."""
        return b"".join([self.texts[number] for number in sorted(parts)])


def index_parts(said: bytes) -> IndexParts | None:
    """The parts of what `git ls-files -z -s -v --debug` prints; None where that is something else."""
    parts: list[list[bytes]] = [[] for _ in range(_PARTS)]
    end = 0
    for entry in _ENTRY.finditer(said):
        if entry.start() != end:
            return None
        parts[_part_of(entry[1])].append(entry[0])
        end = entry.end()
    return IndexParts([b"".join(part) for part in parts]) if end == len(said) else None


def is_in(name: bytes, parts: Set[int]) -> bool:
    """Whether a file, by its name in the repository, is in any of some parts."""
    return _part_of(name) in parts


def are_many(parts: Collection[int]) -> bool:
    """Whether most is gained by looking at all files anew."""
    return len(parts) > _PARTS // 4


def _part_of(name: bytes) -> int:
    return zlib.crc32(name) % _PARTS
