"""The text of one file becomes entries: documents of a known kind, checked, in their normal form."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from reconciler.core.manifest import Source, origin_of
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.kinds import KINDS
from reconciler.load.as_text import as_text
from reconciler.load.checking.check import MOST, flaws
from reconciler.load.checking.literals import literal_secrets
from reconciler.load.checking.normal import normal
from reconciler.load.checking.sniff import Sniffed, looks_ours, platform_of, sniffed
from reconciler.load.options import Options, Override
from reconciler.load.overrides import address_of, meant_for, named, overridden, places
from reconciler.load.place import Here
from reconciler.load.said import said_secrets
from reconciler.load.schema import is_valid
from reconciler.load.variables import replaced
from reconciler.load.yaml.document import document
from reconciler.load.yaml.nodes import Node, Unreadable, documents
from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.plain_lines import plain_document
from reconciler.load.yaml.positions import moved
from reconciler.load.yaml.text import decoded

# What no file may do to the machine that reads it, and what cannot be anything to any tool.
_REFUSED_ANYWHERE = frozenset({"E-YAML-ALIAS", "E-YAML-DEPTH", "E-YAML-EMPTY", "E-YAML-ENC"})
# What is said of a document only where it was meant to be ours.
_MEANT = frozenset({"E-SCHEMA", "E-KIND", "E-YAML-TOP"})


@dataclass(frozen=True)
class Entry:
    """One document of ours.

    Args:
        kind: the kind's name.
        platform: `managed`, `kubernetes` or empty.
        document: the normal form when valid, else as read.
        positions: the place of every field.
        valid: whether nothing is wrong with it.
        given: the place of every field that was given from outside the file.
    """

    kind: str
    platform: str
    document: Mapping[str, Any]
    positions: Mapping[str, tuple[int, int]]
    valid: bool = True
    given: Mapping[str, Source] = field(default_factory=dict)


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
    return _Reader(here, options, alone=alone, kind=options.kind).read(data)


def read_environment(data: bytes, here: Here) -> Reading:
    """Read the file that `environment: file:…` names: one environment, with or without a name."""
    reading = _Reader(here, Options(), alone=True, kind="environment", nested=True).read(data)
    if reading.problems or len(reading.entries) == 1:
        return reading
    return Reading(problems=(here.problem(1, 1, "E-ENV", "file: takes a file with one environment"),))


class _Reader:
    """Reads one file; what is wrong is gathered as it is met."""

    def __init__(self, here: Here, options: Options, *, alone: bool, kind: str = "", nested: bool = False) -> None:
        self._here, self._options, self._alone = here, options, alone
        self._kind, self._nested = kind, nested
        self._problems: list[Problem] = []
        self._used: list[Override] = []
        self._raw = ""

    def read(self, data: bytes) -> Reading:
        reading = self._read(data)
        told = reading.problems[:MOST]
        if len(told) == len(reading.problems):
            return reading
        message = f"there are more than {MOST} problems; the first are told, mend them first"
        return replace(reading, problems=(*told, self._here.problem(1, 1, "E-MANY", message)))

    def _read(self, data: bytes) -> Reading:
        text = decoded(data, self._here)
        if isinstance(text, Problem):
            self._problems.append(text)
            return self._unread(data.decode("utf-8", "replace").replace("\0", ""))
        self._raw = text
        try:
            text = replaced(text, self._options.variables, self._here, self._problems)
            found = [one] if (one := plain_document(text)) else self._parsed(text)
        except Unreadable as error:
            self._problems.append(error.problem)
            return self._unread(text)
        if not found:
            message = "file holds nothing; write a resource or remove it"
            self._problems.append(self._here.problem(1, 1, "E-YAML-EMPTY", message))
            return self._unread(text)
        return self._sorted_out(found, text)

    def _parsed(self, text: str) -> list[Document]:
        tops = list(documents(text, self._here, self._problems))
        return [document(top, self._here, self._problems) for top in tops if not _empty(top)]

    def _unread(self, text: str) -> Reading:
        """A file that cannot be read is passed over in a folder, unless it was meant to be ours or does harm."""
        harmful = any(problem.code in _REFUSED_ANYWHERE for problem in self._problems)
        return Reading(problems=tuple(self._problems)) if harmful or self._alone or looks_ours(text) else Reading()

    def _sorted_out(self, found: list[Document], text: str) -> Reading:
        """Tell ours from what is not; what is wrong with keys and values counts where the file is ours."""
        lines = {problem.line for problem in self._problems}
        alone = self._alone and len(found) == 1
        entries = [entry for one in found if (entry := self._entry(one, lines, text, alone=alone))]
        meant = entries or any(problem.code in _MEANT for problem in self._problems)
        if not meant and self._problems:
            return self._unread(text)
        if entries:
            self._problems += literal_secrets(self._raw, self._here)
        else:
            self._problems = [problem for problem in self._problems if problem.code in _MEANT]
        return Reading(tuple(entries), tuple(sorted(set(self._problems))), tuple(self._used))

    def _entry(self, one: Document, lines: set[int], text: str, *, alone: bool) -> Entry | None:
        what = self._what(one)
        if what.kind is None:
            self._not_ours(one, what, text)
            return None
        if what.wanted:
            place = one.positions.get("$schema", one.positions[""])
            message = f"this is {_a(what.kind.name)}, and the command takes {_a(what.wanted.name)}"
            self._problems.append(self._here.problem(*place, "E-KIND", message))
            return None
        kind, platform = what.kind.name, what.platform
        if alone:
            one = named(one, kind, platform, self._options)
        meant = meant_for(self._options.overrides, kind, one.value)
        self._used += meant
        one, problems = overridden(one, as_text(meant, kind, platform))
        platform = platform_of(what.kind, one.value) if meant else platform
        given = places(meant)
        problems += self._flaws(one, kind, platform, lines, given)
        # What mlops.yaml sets is looked at where that is read.
        problems += said_secrets((each for each in meant if each.origin.startswith("--")), kind)
        self._problems += problems
        valid = not lines and not problems
        value = normal(one.value, one.written) if valid else one.value
        return Entry(kind, platform, value, moved(one.positions, one.value, value), valid, given)

    def _what(self, one: Document) -> Sniffed:
        """What a document is: as the command says, as in Azure, unless it is plainly another kind of ours."""
        found = sniffed(one.value)
        if not self._kind or not isinstance(one.value, Mapping):
            return found
        meant = KINDS[self._kind]
        platform = platform_of(meant, one.value)
        plain = found.kind not in (None, meant) and not is_valid(one.value, meant.name, platform)
        return replace(found, wanted=meant) if plain and not self._nested else Sniffed(meant, platform)

    def _not_ours(self, one: Document, what: Sniffed, text: str) -> None:
        place = one.positions.get("$schema", one.positions[""])
        if isinstance(one.value, Mapping):
            if self._alone or (what.schema and not what.foreign):
                self._problems.append(self._here.problem(*place, *what.message()))
            return
        # A list of anything is another tool's, unless it holds what would be ours.
        is_list = isinstance(one.value, list)
        if self._alone or looks_ours(text) or (is_list and any(sniffed(item).kind for item in one.value)):
            seen = "a list; write each resource as a document of its own, after ---" if is_list else "text"
            message = f"a resource is a mapping, here is {seen}"
            self._problems.append(self._here.problem(*place, "E-YAML-TOP", message))

    def _flaws(
        self, one: Document, kind: str, platform: str, lines: set[int], given: Mapping[str, Source]
    ) -> list[Problem]:
        """What is wrong, at its place; a line whose YAML is wrong already says why its value is."""
        problems = []
        for flaw in flaws(one.value, one.written, kind, platform):
            if origin := origin_of(flaw.path, given):
                message = f"{address_of(kind, one.value)}: {flaw.message}"
                problems.append(Problem(origin.file, origin.line, origin.column, flaw.code, message))
                continue
            place = _place(one.positions, flaw.path)
            nameless = self._nested and flaw.message == "name is missing"
            if not nameless and (place[0] not in lines or flaw.code in ("E-REQUIRED", "E-FIELD")):
                problems.append(self._here.problem(*place, flaw.code, flaw.message))
        return problems


def _a(kind: str) -> str:
    return f"an {kind}" if kind.startswith("e") else f"a {kind}"


def _empty(top: Node) -> bool:
    """Whether there is nothing between two `---`."""
    return top.kind == "scalar" and top.plain and not top.text


def _place(positions: Mapping[str, tuple[int, int]], path: str) -> tuple[int, int]:
    """The place of a field, else of its nearest written parent."""
    while path not in positions:
        path = path.rpartition(".")[0]
    return positions[path]
