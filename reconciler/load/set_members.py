"""A set of manifests: what each file holds, the id of all of them together, and how it differs from earlier ones."""

import errno
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from reconciler.frozen import dataclass
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.packing import packed, unpacked

Members = Mapping[str, str]
"""Names below the folder, each with git's id of what the file holds; of a link, with where it leads behind that."""


@dataclass(frozen=True)
class ManifestSet:
    """The YAML files of one folder.

    Args:
        id: equal ids, byte-equal files under equal names.
        told: gives what each file holds.
        cache: where earlier sets are kept.
    """

    id: str
    told: Callable[[], Members] = field(repr=False, compare=False)
    cache: Path | None = field(repr=False, compare=False)

    def blobs(self) -> dict[str, str]:
        """Git's id of what each file holds, by its name below the folder.

        Raises:
            OSError: that is not kept any more, and cannot be read again.
        """
        return {name: blob.partition(" ")[0] for name, blob in self.told().items()}

    def differing(self, earlier: str) -> dict[str, str] | None:
        """The files that differ from those of an earlier set, as `blobs`; gone ones are empty.

        Args:
            earlier: its id.

        Returns:
            None where it is not kept any more.

        Raises:
            OSError: as for `blobs`.
        """
        before = members_of(earlier, self.cache)
        if before is None:
            return None
        now = self.told()
        new = {name: blob.partition(" ")[0] for name, blob in now.items() if before.get(name) != blob}
        return {**dict.fromkeys(before.keys() - now.keys(), ""), **new}


def set_of(members: Members, cache: Path | None) -> ManifestSet:
    """The set of these files, kept, so that later ones can be told apart from it."""
    found, names = _id_of(members), sorted(members)
    if cache and not read_rows(cache, "members", [found]):
        keep_rows(cache, "members", {found: packed([names, [members[name] for name in names]])})
    return ManifestSet(found, lambda: members, cache)


def known_set(found: str, cache: Path | None, again: Callable[[], Members]) -> ManifestSet:
    """A set that was kept.

    Args:
        found: its id.
        cache: where it was.
        again: gives what its files hold where that is not kept any more.
    """

    def told() -> Members:
        if (kept := members_of(found, cache)) is not None:
            return kept
        anew = again()
        if _id_of(anew) != found:
            raise OSError(errno.EAGAIN, "manifests changed meanwhile")
        return anew

    return ManifestSet(found, told, cache)


def members_of(found: str, cache: Path | None) -> Members | None:
    """The files of an earlier set, by its id; None where they are not kept any more."""
    row = read_rows(cache, "members", [found]).get(found)
    if row is None:
        return None
    names, blobs = unpacked(row, 2)
    return dict(zip(names, blobs, strict=True))


def _id_of(members: Members) -> str:
    lines = b"\0".join(os.fsencode(f"{name}\0{members[name]}") for name in sorted(members))
    return hashlib.sha256(lines).hexdigest()
