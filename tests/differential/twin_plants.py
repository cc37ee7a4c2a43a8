"""Lies that a cache could tell, each planted into the product, and what has to happen for it to be told."""

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from reconciler.core.address import Address
from reconciler.load.authorship import blame_cache
from reconciler.load.authorship.attribution import File
from reconciler.load.authorship.blame_cache import Written
from reconciler.load.caching.parted import Parted
from reconciler.load.disk import listed
from reconciler.load.repository import checkout
from reconciler.remembering.inputs import Inputs, secrets_now
from reconciler.remembering.look import Look
from reconciler.wishes import Planned
from tests.differential.twin_moves import Move

_RECORDED = checkout._recorded
_BLUE = "manifests/credit/blue.yml"

Planting = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Plant:
    """A lie.

    Args:
        name: what is forgotten.
        planted: makes the product tell it.
        tried: the kinds of events that are enough for it to be told, by chance.
        course: the events by which it is told, where chance would take long.
        ask_git: whether git is asked what has changed.
    """

    name: str
    planted: Planting
    tried: Collection[str] = ()
    course: Sequence[Move] = ()
    ask_git: bool = False


def _swapped(**places: Any) -> Planting:
    """Something else in the place of something of the product; the names have `__` for a dot."""

    @contextmanager
    def planted() -> Iterator[None]:
        with ExitStack() as stack:
            for place, other in places.items():
                stack.enter_context(mock.patch("reconciler." + place.replace("__", "."), other))
            yield

    return planted


class _Facts:
    """What the disk says of a file, some of it forgotten: by place, size, two times, inode and mode."""

    def __init__(self, *forgotten: int) -> None:
        self._whole, self._forgotten = listed._FACTS, forgotten
        self.size, self.unpack_from = self._whole.size, self._whole.unpack_from

    def pack(self, *facts: int) -> bytes:
        return self._whole.pack(*(0 if place in self._forgotten else fact for place, fact in enumerate(facts)))


def _known_of_any_commit(folder: Path | None, files: Collection[File]) -> Written:
    kept = blame_cache.known(folder, {("one", path) for _, path in files})
    return {(commit, path): kept["one", path] for commit, path in files if ("one", path) in kept}


def _learnt_of_any_commit(folder: Path | None, found: Written, new: Collection[File]) -> None:
    of_any = {("one", path): lines for (_, path), lines in found.items()}
    blame_cache.learn(folder, of_any, {("one", path) for _, path in new})


class _All:
    def __contains__(self, _: object) -> bool:
        return True


def _told_without(name: str) -> Callable[[Inputs], dict[str, Any]]:
    def told(inputs: Inputs) -> dict[str, Any]:
        all_of_it = {"files": inputs.files.id, "record": asdict(inputs.record), "live": inputs.live}
        return all_of_it | {name: type(all_of_it[name])()}

    return told


def _but_secrets(look: Look, held: Mapping[str, Any]) -> list[str] | None:
    return [] if secrets_now(held["secrets"], os.environ, look.key) == held["secrets"] else None


def _as_if_git_looked(entry: "re.Match[bytes]") -> checkout.Recorded:
    found = checkout._ENTRY.fullmatch(re.sub(rb"^[hSs] ", b"H ", entry[0]))
    assert found
    return _RECORDED(found)


def _nothing(_planned: Planned) -> set[Address]:
    return set()


def _of_contents(members: Parted) -> str:
    return hashlib.sha256("\0".join(sorted(map(str, members.all().values()))).encode()).hexdigest()


PLANTS: Sequence[Plant] = (
    Plant("the time of the inode's change", _swapped(load__disk__listed___FACTS=_Facts(2)), ["write_unseen"]),
    Plant("all but the size of a file", _swapped(load__disk__listed___FACTS=_Facts(1, 2, 3)), ["write", "wait"]),
    Plant("what lies there, at a glance", _swapped(remembering__scene___believed=lambda *_, **__: ""), ["write"]),
    Plant(
        "what is live, at a glance",
        _swapped(remembering__scene___digest=lambda _: "", remembering__scene___looks=lambda *_, **__: ""),
        ["edit_live", "wait"],
    ),
    Plant("the environment, at a glance", _swapped(remembering__scene___OF_SHELLS=_All()), ["set_secret"]),
    Plant("values of secrets", _swapped(remembering__look__secrets_now=lambda *_: {}), ["set_secret"]),
    Plant("what is live", _swapped(remembering__inputs__Inputs__told=_told_without("live")), ["edit_live"]),
    Plant("the record", _swapped(remembering__inputs__Inputs__told=_told_without("record")), ["forget_recorded"]),
    Plant("the files", _swapped(remembering__inputs__Inputs__told=_told_without("files")), ["write", "remove"]),
    Plant("what is named", _swapped(remembering__look__Look___moved=_but_secrets), ["write", "remove"]),
    Plant(
        "what files held meanwhile",
        _swapped(remembering__look__Look___is_settled=lambda *_: True),
        course=[Move("write", _BLUE, 1), Move("waver", _BLUE, 0)],
    ),
    Plant(
        "what was to be done",
        _swapped(remembering__look__unsettled_of=_nothing, remembering__settled__unsettled_of=_nothing),
        course=[Move("write", _BLUE, 1), Move("wait", _BLUE, 0)],
    ),
    Plant("the question", _swapped(remembering__look__place_of=lambda *_: "one"), ["wait", "bring_about"]),
    Plant("names of files", _swapped(load__caching__parted__Parted__id=property(_of_contents)), ["rename"]),
    Plant("bytes of a file", _swapped(load__many__blob_id=lambda data: str(len(data))), ["write", "put_back"]),
    Plant(
        "the commit of a line",
        _swapped(
            load__authorship__blame__known=_known_of_any_commit, load__authorship__blame__learn=_learnt_of_any_commit
        ),
        course=[Move("write", _BLUE, 1), Move("commit", _BLUE, 0), Move("write", _BLUE, 2), Move("commit", _BLUE, 0)],
        ask_git=True,
    ),
    Plant(
        "the index of git",
        _swapped(load__repository__checkout__Checkout__state=lambda _: "one"),
        course=[Move("write", _BLUE, 1), Move("commit", _BLUE, 0)],
        ask_git=True,
    ),
    Plant(
        "files at which git does not look",
        _swapped(load__repository__checkout___recorded=_as_if_git_looked),
        course=[Move("hide_from_git", _BLUE, 0), Move("wait", _BLUE, 0), Move("write", _BLUE, 1)],
        ask_git=True,
    ),
)
