"""A set of manifests by what git says has changed since the disk was asked of all of them."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from functools import partial

from reconciler.load.cached_rows import keep_rows
from reconciler.load.checkout import Checkout, Recorded, checkout_at
from reconciler.load.git import Unanswered
from reconciler.load.listed import SAFE_NS, latest, numbers_of
from reconciler.load.place import Bounds
from reconciler.load.set_members import ManifestSet, Members, amended_set, known_set, set_of
from reconciler.load.set_on_disk import is_manifest, on_disk, some_on_disk
from reconciler.load.shaped_rows import of_json, read_values
from reconciler.load.stat_index import Files, StatIndex

_MOST_NAMES, _MOST_NEW = 1_000, 100
_LEARNT = (str, [str], int)
_NEVER = json.dumps(["", [], 0]).encode()


def set_by_git(top: str, bounds: Bounds, index: StatIndex) -> ManifestSet | None:
    """The set of a folder by what git says has changed; None where it cannot be believed.

    Args:
        top: absolute, in a checkout.
        bounds: what its files may reach.
        index: what is known of files.

    Raises:
        OSError: a file cannot be read, or leads elsewhere.
    """
    checkout = checkout_at(os.path.realpath(top))
    state = checkout.state()
    if not state or not checkout.is_plain():
        return None
    try:
        return _known(top, bounds, index, checkout, state)
    except Unanswered:
        return None


def _known(top: str, bounds: Bounds, index: StatIndex, checkout: Checkout, state: str) -> ManifestSet | None:
    key = _key(state)
    learnt = read_values(index.cache, "facts", [key], lambda _, row: of_json(row, _LEARNT)).get(key)
    if learnt is None:
        return _learnt(top, bounds, index, checkout, state)
    base, doubtful, moment = learnt
    # Clocks go back: then a file may have changed in the very second that the index has of it.
    names = _changed(checkout, state, doubtful) if base and moment <= index.now() else None
    if names is None:
        return None
    again = partial(_told_by_disk, top, bounds, index)
    if not names:
        return known_set(base, index.cache, again)
    found = some_on_disk(top, names, bounds, index)
    return amended_set(base, index.cache, names, found, again) or _learnt(top, bounds, index, checkout, state)


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


def _learnt(top: str, bounds: Bounds, index: StatIndex, checkout: Checkout, state: str) -> ManifestSet:
    """The set by the disk; kept is of which of its files git is to be believed from now on.

    Raises:
        OSError: a file cannot be read.
        Unanswered: git cannot say how it has them.
    """
    safe_ns = index.now() - SAFE_NS
    disk = on_disk(top, bounds, index)
    if disk.new > _MOST_NEW:
        return disk.set  # As in a clone that was only just made, and may never be looked at again.
    recorded, members = checkout.recorded(), disk.set.told()
    believed = _believed(members, disk.files, recorded, safe_ns) if recorded else {}
    others = filter(is_manifest, (recorded or {}).keys() - members.keys())
    doubtful = {*(members.keys() - believed.keys()), *others}
    if checkout.state() != state:
        return disk.set
    if recorded is not None and len(doubtful) <= _MOST_NAMES:
        base = disk.set if len(believed) == len(members) else set_of(believed, index.cache)
        learnt = [base.id, sorted(doubtful), index.now()]
        keep_rows(index.cache, "facts", {_key(state): json.dumps(learnt).encode()})
    elif recorded is None or latest(disk.files) < safe_ns:
        keep_rows(index.cache, "facts", {_key(state): _NEVER})
    return disk.set


def _believed(members: Members, files: Files, recorded: Mapping[str, Recorded], safe_ns: int) -> Members:
    """The files that the index has as they were read, and which no later change can make look like that."""
    found = {}
    for name, facts in files:
        blob, numbers = members[name], numbers_of(facts)
        _, content_ns, inode_ns, _ = numbers
        if content_ns < safe_ns and inode_ns < safe_ns and name in recorded and recorded[name].is_of(blob, numbers):
            found[name] = blob
    return found


def _told_by_disk(top: str, bounds: Bounds, index: StatIndex) -> Members:
    return on_disk(top, bounds, index).set.told()


def _key(state: str) -> str:
    return hashlib.sha256(os.fsencode(f"index {state}")).hexdigest()
