"""The text of one file becomes entries: documents of a known kind, checked, in their normal form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.problem import Problem
from reconciler.load.check import flaws
from reconciler.load.document import Document, Positions, document
from reconciler.load.normal import normal
from reconciler.load.nodes import Unreadable, documents
from reconciler.load.options import Options, Override
from reconciler.load.overrides import meant_for, named, overridden
from reconciler.load.place import Here
from reconciler.load.sniff import Sniffed, looks_ours, sniffed
from reconciler.load.text import decoded
from reconciler.load.variables import replaced

# What no file may do to the machine that reads it, and what cannot be anything to any tool.
_REFUSED_ANYWHERE = frozenset({"E-YAML-ALIAS", "E-YAML-DEPTH", "E-YAML-EMPTY", "E-YAML-ENC"})


@dataclass(frozen=True)
class Entry:
    """One document of ours.

    Args:
        kind: the kind's name.
        platform: `managed`, `kubernetes` or empty.
        document: the normal form when valid, else as read.
        positions: the place of every field.
        valid: whether nothing is wrong with it.
    """

    kind: str
    platform: str
    document: Mapping[str, Any]
    positions: Positions
    valid: bool = True


@dataclass(frozen=True)
class Reading:
    """What a file holds.

    Args:
        entries: its documents that are ours.
        problems: what is wrong with them, or with the file.
        used: the overrides that were applied.
    """

    entries: tuple[Entry, ...] = ()
    problems: tuple[Problem, ...] = ()
    used: tuple[Override, ...] = ()

    @property
    def passed_over(self) -> bool:
        """Whether the file is not ours."""
        return not self.entries and not self.problems


def read(data: bytes, here: Here, options: Options, *, alone: bool) -> Reading:
    """Read a file; one that was named alone must be ours, one of a folder is passed over when it is not."""
    text = decoded(data, here)
    if isinstance(text, Problem):
        return _unread([text], data.decode("utf-8", "replace"), alone=alone)
    problems: list[Problem] = []
    found: list[Document] = []
    text = replaced(text, options.variables, here, problems)
    try:
        for top in documents(text, here, problems):
            if not (top.kind == "scalar" and not top.text and top.plain):
                found.append(document(top, here, problems))
    except Unreadable as error:
        return _unread([*problems, error.problem], text, alone=alone)
    if not found:
        return _unread([here.problem(1, 1, "E-YAML-EMPTY", "file holds nothing; write a resource or remove it")], text)
    return _sorted_out(found, problems, here, options, text, alone=alone)


def _unread(problems: list[Problem], text: str, *, alone: bool = True) -> Reading:
    serious = alone or looks_ours(text) or any(problem.code in _REFUSED_ANYWHERE for problem in problems)
    return Reading(problems=tuple(problems) if serious else ())


def _sorted_out(
    found: list[Document], problems: list[Problem], here: Here, options: Options, text: str, *, alone: bool
) -> Reading:
    """Tell ours from what is not; the problems of values count where a document of the file is ours."""
    entries: list[Entry] = []
    used: list[Override] = []
    for one in found:
        what = sniffed(one.value)
        if what.kind:
            entries.append(_entry(one, what, here, options, problems, used, alone=alone and len(found) == 1))
        elif problem := _not_ours(one, what, here, text, alone=alone):
            problems.append(problem)
    if not entries and not alone and not any(problem.code in _MEANT for problem in problems) and not looks_ours(text):
        return Reading()
    return Reading(tuple(entries), tuple(sorted(set(problems))), tuple(used))


_MEANT = frozenset({"E-SCHEMA", "E-YAML-TOP"})


def _not_ours(one: Document, what: Sniffed, here: Here, text: str, *, alone: bool) -> Problem | None:
    place = one.positions.get("$schema", one.positions[""])
    if not isinstance(one.value, Mapping):
        # A list of anything is another tool's, unless it holds what would be ours.
        meant = alone or (isinstance(one.value, list) and any(sniffed(item).kind for item in one.value))
        seen = "a list" if isinstance(one.value, list) else "text"
        message = f"a resource is a mapping, here is {seen}; write each resource as a document of its own, after ---"
        return here.problem(*place, "E-YAML-TOP", message) if meant or looks_ours(text) else None
    if alone or (what.schema and not what.foreign):
        return here.problem(*place, *what.message())
    return None


def _entry(
    one: Document,
    what: Sniffed,
    here: Here,
    options: Options,
    problems: list[Problem],
    used: list[Override],
    *,
    alone: bool,
) -> Entry:
    assert what.kind is not None  # noqa: S101  # for mypy; the caller asked
    kind, platform = what.kind.name, what.platform
    if alone:
        one = named(one, kind, platform, options)
    meant = meant_for(options.overrides, kind, one.value)
    one, wrong = overridden(one, meant)
    used += meant
    changed = sniffed(one.value) if meant else what
    platform = changed.platform if changed.kind is what.kind else platform
    wrong += _problems(one, kind, platform, here, {problem.line for problem in problems})
    broken = any(problem.is_error for problem in wrong) or bool(problems)
    problems += wrong
    value = one.value if broken else normal(one.value, one.written)
    return Entry(kind, platform, value, one.positions, valid=not broken)


def _problems(one: Document, kind: str, platform: str, here: Here, lines: set[int]) -> list[Problem]:
    """What is wrong, at its place; a line whose YAML is wrong already says why its value is."""
    found = []
    for flaw in flaws(one.value, one.written, kind, platform):
        place = _place(one.positions, flaw.path)
        if not lines or place[0] not in lines or flaw.code in ("E-REQUIRED", "E-FIELD"):
            found.append(here.problem(*place, flaw.code, flaw.message))
    return found


def _place(positions: Positions, path: str) -> tuple[int, int]:
    """The place of a field, else of its nearest written parent."""
    while path not in positions:
        path = re.sub(r"(?:^|\.)[^.]*$", "", path)
    return positions[path]
