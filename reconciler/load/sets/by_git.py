"""A set of manifests by what git says has changed since the disk was asked of all of them."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.caching.shaped_rows import of_json, read_values
from reconciler.load.disk.listed import SAFE_NS, latest, numbers_of
from reconciler.load.disk.stat_index import Files, StatIndex
from reconciler.load.place import Bounds
from reconciler.load.repository.checkout import Checkout, Recorded, checkout_at
from reconciler.load.repository.git import Unanswered
from reconciler.load.repository.index_parts import IndexParts, are_many
from reconciler.load.sets.members import ManifestSet, Members, amended_set, known_set, set_of
from reconciler.load.sets.on_disk import is_manifest, on_disk, some_on_disk

_MOST_NAMES, _MOST_NEW = 1_000, 100
_LEARNT = (str, [str], int)
_CARRIED = (*_LEARNT, [str])
_NOT_BELIEVED = json.dumps(["", [], 0]).encode()


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
    learnt = learnt or _carried_over(top, bounds, index, checkout, state)
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
    found, _ = some_on_disk(top, names, bounds, index)
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
    parts, members = checkout.index_parts(), disk.set.told()
    recorded = checkout.recorded(parts.said(range(len(parts.texts)))) if parts else None
    believed = _believed(members, disk.files, recorded, safe_ns) if recorded else {}
    others = filter(is_manifest, (recorded or {}).keys() - members.keys())
    doubtful = {*(members.keys() - believed.keys()), *others}
    if checkout.state() != state:
        return disk.set
    if parts and recorded is not None and len(doubtful) <= _MOST_NAMES:
        base = disk.set if len(believed) == len(members) else set_of(believed, index.cache)
        _keep(index, checkout, state, [base.id, sorted(doubtful), index.now()], parts)
    elif recorded is None or latest(disk.files) < safe_ns:
        keep_rows(index.cache, "facts", {_key(state): _NOT_BELIEVED})
    return disk.set


def _carried_over(
    top: str, bounds: Bounds, index: StatIndex, checkout: Checkout, state: str
) -> tuple[str, list[str], int] | None:
    """What was learnt of an earlier index, brought to this one; None where that is nothing, or most of it differs.

    A file that this index has exactly as that one is believed as it was then: all that was held against its entry, and
    all that git will see of a change, is the same.

    Raises:
        OSError: a file cannot be read.
        Unanswered: git cannot say how it has them.
    """
    key, now = _key(_place(checkout)), index.now()
    was = read_values(index.cache, "facts", [key], lambda _, row: of_json(row, _CARRIED)).get(key)
    if was is None or was[2] > now or (parts := checkout.index_parts()) is None:
        return None
    base, doubtful, _, digests = was
    differing = parts.differing(digests)
    recorded = None if are_many(differing) else checkout.recorded(parts.said(differing))
    if recorded is None:
        return None
    known = known_set(base, index.cache, partial(_told_by_disk, top, bounds, index)).told()
    names = {*filter(is_manifest, recorded), *checkout.in_parts([*known, *doubtful], differing)}
    members, files = some_on_disk(top, names, bounds, index)
    believed = _believed(members, files, recorded, now - SAFE_NS)
    made = amended_set(base, index.cache, names, believed, dict)
    others = {*doubtful} - {*checkout.in_parts(doubtful, differing)}
    doubts = others | ({*members, *filter(is_manifest, recorded)} - believed.keys())
    if made is None or len(doubts) > _MOST_NAMES or checkout.state() != state:
        return None
    learnt = made.id, sorted(doubts), now
    _keep(index, checkout, state, learnt, parts)
    return learnt


def _keep(index: StatIndex, checkout: Checkout, state: str, learnt: Sequence[Any], parts: IndexParts) -> None:
    """Keep what was learnt of a state of git's index, and how that is in parts, for the next one."""
    rows = {state: learnt, _place(checkout): [*learnt, parts.digests()]}
    keep_rows(index.cache, "facts", {_key(name): json.dumps(row).encode() for name, row in rows.items()})


def _place(checkout: Checkout) -> str:
    return f"latest {checkout.root}\0{checkout.below}"


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
