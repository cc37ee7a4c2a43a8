"""The YAML files of a folder are known by what they hold, and none is opened whose content is known.

In a large checkout git says which files changed since all of them were looked at; elsewhere, and where git cannot be
believed, the disk is asked of each file whether it looks as it did.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH100, PTH112

import hashlib
import json
import os
from collections.abc import Collection
from functools import partial

from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.checkout import Checkout, checkout_at
from reconciler.load.folder import bounds_of
from reconciler.load.git import Unanswered
from reconciler.load.place import Bounds
from reconciler.load.set_members import ManifestSet, Members, known_set, members_of, set_of
from reconciler.load.set_on_disk import is_manifest, on_disk, some_on_disk
from reconciler.load.stat_index import SAFE_NS, StatIndex, latest, numbers_of

_WORTH_BYTES = 1 << 18  # of git's index: two processes cost as much as to ask the disk of 2,500 files
_MOST_NAMES = 1_000
_NEVER = json.dumps(["", [], 0]).encode()


def manifest_set(
    path: str, index: StatIndex, *, start: str = "", git: bool = True, worth_bytes: int = _WORTH_BYTES
) -> ManifestSet | None:
    """The files of a PATH; None where it is no folder, or something about it is for a real load to say.

    Args:
        path: as for `load.folder.located`.
        index: what is known of files.
        start: the folder where the user stands, if that is not the current one.
        git: whether git may be asked.
        worth_bytes: from which size on of its index it is.
    """
    top = os.path.abspath(path)
    if not os.path.isdir(top):
        return None
    bounds = bounds_of(path, top, start)
    checkout = checkout_at(os.path.realpath(top)) if git and index.cache else None
    try:
        if checkout and checkout.size() >= worth_bytes and (found := _by_git(top, bounds, index, checkout)):
            return found
        return on_disk(top, bounds, index).set
    except OSError:
        return None


def _by_git(top: str, bounds: Bounds, index: StatIndex, checkout: Checkout) -> ManifestSet | None:
    """The set by what git says has changed; None where it cannot be believed."""
    state = checkout.state()
    if not state or not checkout.is_plain():
        return None
    row = read_rows(index.cache, "facts", [key := _digest_of("index", state)]).get(key)
    try:
        if row is None:
            return _learnt(top, bounds, index, checkout, key)
        base, doubtful, moment = json.loads(row)
        # Clocks go back: then a file may have changed in the very second that the index has of it.
        names = _changed(checkout, state, doubtful) if base and moment <= index.now() else None
        if names is None:
            return None
        if not names:
            return known_set(base, index.cache, partial(_anew, top, bounds, index))
        found = some_on_disk(top, names, bounds, index)
        return _amended(base, names, found, index) or _learnt(top, bounds, index, checkout, key)
    except Unanswered:
        return None


def _changed(checkout: Checkout, state: str, doubtful: Collection[str]) -> set[str] | None:
    """The files to look at anew; None where they are very many, or git does not know them all.

    Raises:
        Unanswered: git cannot say it.
    """
    changed = checkout.changed()
    if changed is None or checkout.state() != state:
        return None
    names = {*filter(is_manifest, changed), *doubtful}
    return names if len(names) <= _MOST_NAMES else None


def _learnt(top: str, bounds: Bounds, index: StatIndex, checkout: Checkout, key: str) -> ManifestSet:
    """The set by the disk; kept is of which of its files git is to be believed from now on.

    Raises:
        OSError: a file cannot be read.
        Unanswered: git cannot say how it has them.
    """
    moment = index.now()
    disk = on_disk(top, bounds, index)
    recorded = checkout.recorded()
    if recorded is None:
        keep_rows(index.cache, "facts", {key: _NEVER})
        return disk.set
    members = disk.set.told()
    believed = {
        name: members[name]
        for name, facts in disk.files
        if name in recorded and latest([(name, facts)]) < moment - SAFE_NS
        if recorded[name].is_of(members[name], numbers_of(facts))
    }
    doubtful = sorted({*members, *filter(is_manifest, recorded)} - believed.keys())
    if len(doubtful) <= _MOST_NAMES:
        base = set_of(believed, index.cache).id
        keep_rows(index.cache, "facts", {key: json.dumps([base, doubtful, moment]).encode()})
    elif latest(disk.files) < moment - SAFE_NS:
        keep_rows(index.cache, "facts", {key: _NEVER})
    return disk.set


def _amended(base: str, names: Collection[str], found: Members, index: StatIndex) -> ManifestSet | None:
    """A set with what some files hold now; None where what it held is not kept any more."""
    before = members_of(base, index.cache)
    if before is None:
        return None
    return set_of({**{name: blob for name, blob in before.items() if name not in names}, **found}, index.cache)


def _anew(top: str, bounds: Bounds, index: StatIndex) -> Members:
    return on_disk(top, bounds, index).set.told()


def _digest_of(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
