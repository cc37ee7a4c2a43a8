"""A set of manifests: what each file holds, the id of all of them together, and how it differs from earlier ones."""

import errno
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from pathlib import Path

from reconciler.frozen import dataclass
from reconciler.load.caching.parted import ForgottenError, Parted, keep_parted, kept, parted

Members = Mapping[str, str]
"""Names below the folder, each with git's id of what the file holds; of a link, with where it leads behind that."""


@dataclass(frozen=True)
class ManifestSet:
    """The YAML files of one folder.

    Args:
        id: equal ids, byte-equal files under equal names.
        members: gives what each file holds.
        again: gives the same where that is not kept any more.
        cache: where earlier sets are kept.
    """

    id: str
    members: Callable[[], Parted] = field(repr=False, compare=False)
    again: Callable[[], Members] = field(repr=False, compare=False)
    cache: Path | None = field(repr=False, compare=False)

    def told(self) -> Members:
        """What each file holds.

        Raises:
            OSError: that is not kept any more, and cannot be read again.
        """
        try:
            return self.members().all()
        except ForgottenError:
            return self._made_again().all()

    def blobs(self) -> dict[str, str]:
        """Git's id of what each file holds, by its name below the folder.

        Raises:
            OSError: as for `told`.
        """
        return {name: _blob(member) for name, member in self.told().items()}

    def has_links(self) -> bool:
        """Whether any of them is a link to a file.

        Raises:
            OSError: as for `blobs`.
        """
        return any(" " in blob for blob in self.told().values())

    def differing(self, earlier: str) -> dict[str, str] | None:
        """The files that differ from those of an earlier set, as `blobs`; gone ones are empty.

        Args:
            earlier: its id.

        Returns:
            None where it is not kept any more.

        Raises:
            OSError: as for `told`.
        """
        try:
            before, now = kept(earlier, self.cache), self._now()
            names = now.differing(before)
            there = now.some(names)
        except ForgottenError:
            return None
        return {name: _blob(there.get(name, "")) for name in names}

    def _now(self) -> Parted:
        try:
            return self.members()
        except ForgottenError:
            return self._made_again()

    def _made_again(self) -> Parted:
        anew = parted(self.again(), self.cache)
        if anew.id != self.id:
            raise OSError(errno.EAGAIN, "manifests changed meanwhile")
        keep_parted(self.cache, anew)
        return anew


def set_of(members: Members, cache: Path | None) -> ManifestSet:
    """The set of these files, kept, so that later ones can be told apart from it."""
    made = parted(members, cache)
    return _set_of(made, cache, made.all)


def known_set(found: str, cache: Path | None, again: Callable[[], Members]) -> ManifestSet:
    """A set that was kept.

    Args:
        found: its id.
        cache: where it was.
        again: gives what its files hold where that is not kept any more.
    """
    return ManifestSet(found, lambda: kept(found, cache), again, cache)


def amended_set(
    base: str, cache: Path | None, gone: Collection[str], new: Members, again: Callable[[], Members]
) -> ManifestSet | None:
    """A set that was kept without some files, and then with some.

    Args:
        base: its id.
        cache: where it was.
        gone: files that are not in it any more, or are among the new ones.
        new: what files hold that are new, or hold something else.
        again: gives what its files hold where that is not kept any more.

    Returns:
        None where it is not kept any more.
    """
    try:
        amended = kept(base, cache).amended(gone, new)
    except ForgottenError:
        return None
    return _set_of(amended, cache, again)


def _set_of(members: Parted, cache: Path | None, again: Callable[[], Members]) -> ManifestSet:
    keep_parted(cache, members)
    return ManifestSet(members.id, lambda: members, again, cache)


def _blob(member: str) -> str:
    return member.partition(" ")[0]
