"""One pass over the events of a YAML text: nodes with their places, and limits checked before anything is built."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.problem import Problem
from reconciler.load.place import Here

MAX_DEPTH = 50
MAX_NODES = 100_000
MAX_LETTERS = 10_000_000
"""Of all paths of a document together: every field is known by the keys that lead to it."""

_STANDARD = "tag:yaml.org,2002:"
_ALLOWED = {
    "scalar": frozenset({"!", *(_STANDARD + name for name in ("str", "int", "float", "bool", "null", "timestamp"))}),
    "sequence": frozenset({"!", _STANDARD + "seq"}),
    "mapping": frozenset({"!", _STANDARD + "map"}),
}


@dataclass(slots=True)
class Node:
    """A scalar, a list or a mapping as written; an alias is the very node that it names.

    Args:
        line: counted from 1.
        column: counted from 1.
        kind: `scalar`, `sequence` or `mapping`.
        text: a scalar's text.
        plain: whether a scalar stands without quotes, so that YAML decides its type.
        tag: an explicit tag of the standard ones; empty without.
        parts: a list's items, or a mapping's keys and values in turn.
        size: how many nodes it has, aliases expanded.
        letters: how long the paths of all that it holds are together, aliases expanded.
        height: how deep it is, aliases expanded.
        open: whether its end was not reached yet; an alias to an open node contains itself.
    """

    line: int
    column: int
    kind: str
    text: str = ""
    plain: bool = False
    tag: str = ""
    parts: Sequence["Node"] = ()
    size: int = 1
    letters: int = 0
    height: int = 0
    open: bool = False


class Unreadable(Exception):  # noqa: N818  # it is caught where it is raised for: nothing is raised to the user
    """The text cannot be read on; holds the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def documents(text: str, here: Here, problems: list[Problem]) -> Iterator[Node]:
    """The top node of each document; tags that are not allowed are added to `problems`.

    Raises:
        Unreadable: at the first thing that keeps the text from being read on.
    """
    import yaml  # noqa: PLC0415  # an unchanged file comes from the cache and needs no parser

    composer = _Composer(here, problems)
    parser = yaml.CSafeLoader(text)
    try:
        while (event := parser.get_event()) is not None:
            top = composer.take(event)
            if top is not None:
                yield top
    except yaml.YAMLError as error:
        raise Unreadable(_syntax(error, text, here)) from error
    finally:
        parser.dispose()


class _Composer:
    """Takes events one by one and gives a document's top node when it is whole.

    Most events are scalars in a mapping; what is done for one of those is written out in one place, as calls cost most.
    """

    def __init__(self, here: Here, problems: list[Problem]) -> None:
        self._here = here
        self._problems = problems
        self._path: list[tuple[Node, list[Node]]] = []
        self._anchors: dict[str, Node] = {}
        self._aliased = False
        self._take = {
            "ScalarEvent": self._scalar,
            "AliasEvent": self._alias,
            "SequenceStartEvent": lambda event: self._start(event, "sequence"),
            "MappingStartEvent": lambda event: self._start(event, "mapping"),
            "SequenceEndEvent": self._end,
            "MappingEndEvent": self._end,
            "DocumentStartEvent": self._document,
        }

    def take(self, event: Any) -> Node | None:
        taken = self._take.get(type(event).__name__)
        return taken(event) if taken else None

    def _document(self, _event: Any) -> None:
        self._anchors = {}
        self._aliased = False

    def _scalar(self, event: Any) -> Node | None:
        mark = event.start_mark
        node = Node(mark.line + 1, mark.column + 1, "scalar", event.value, event.implicit[0])
        if event.anchor or event.tag:
            self._named(node, event)
        if not self._path:
            return node
        parent, parts = self._path[-1]
        parts.append(node)
        parent.size += 1
        if parent.size > MAX_NODES:
            raise self._too_large(node)
        return None

    def _start(self, event: Any, kind: str) -> None:
        mark = event.start_mark
        parts: list[Node] = []
        node = Node(mark.line + 1, mark.column + 1, kind, parts=parts, open=True, height=1)
        self._named(node, event)
        self._deep(len(self._path) + 1, node)
        self._path.append((node, parts))

    def _end(self, _event: Any) -> Node | None:
        node, parts = self._path.pop()
        node.open = False
        if node.kind == "mapping":
            pairs = zip(parts[::2], parts[1::2], strict=True)
            node.letters = sum([part.letters + (len(key.text) + 1) * part.size for key, part in pairs])
        else:
            node.letters = sum([part.letters + 6 * part.size for part in parts])
        if node.letters > MAX_LETTERS:
            raise self._stop(node, "E-YAML-KEY", "keys are too long for all that they hold; shorten them")
        return self._add(node)

    def _alias(self, event: Any) -> Node | None:
        mark = event.start_mark
        here = Node(mark.line + 1, mark.column + 1, "scalar")
        target = self._anchors.get(event.anchor)
        if target is None:
            raise self._stop(here, "E-YAML-SYNTAX", f"alias *{event.anchor} has no anchor &{event.anchor} before it")
        if target.open:
            raise self._stop(here, "E-YAML-ALIAS", f"alias *{event.anchor} stands inside what it names")
        self._deep(len(self._path) + target.height, here)
        self._aliased = True
        return self._add(target, here)

    def _add(self, node: Node, place: Node | None = None) -> Node | None:
        if not self._path:
            return node
        parent, parts = self._path[-1]
        parts.append(node)
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.size > MAX_NODES:
            raise self._too_large(place or node)
        return None

    def _too_large(self, place: Node) -> Unreadable:
        message = f"document holds more than {MAX_NODES} nodes; split it"
        if self._aliased:
            message = f"aliases expand to more than {MAX_NODES} nodes; ordinary anchors and aliases are accepted"
        return self._stop(place, "E-YAML-ALIAS", message)

    def _named(self, node: Node, event: Any) -> None:
        if event.anchor:
            self._anchors[event.anchor] = node
        if event.tag and event.tag not in _ALLOWED[node.kind]:
            message = f"tag {_short(event.tag)} is not allowed; remove it"
            self._problems.append(self._here.problem(node.line, node.column, "E-YAML-TAG", message))
        elif event.tag and event.tag != "!":
            node.tag = event.tag.removeprefix(_STANDARD)

    def _deep(self, depth: int, node: Node) -> None:
        if depth > MAX_DEPTH:
            raise self._stop(node, "E-YAML-DEPTH", f"nested deeper than {MAX_DEPTH} levels")

    def _stop(self, node: Node, code: str, message: str) -> Unreadable:
        return Unreadable(self._here.problem(node.line, node.column, code, message))


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_STANDARD).partition(":")[0] if tag.startswith(_STANDARD) else tag


def _syntax(error: Any, text: str, here: Here) -> Problem:
    """The parser's own words where they help, plainer ones where they do not."""
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return here.problem(1, 1, "E-YAML-SYNTAX", f"cannot be read as YAML: {' '.join(str(error).split())}")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1] and not line[: mark.column + 1].strip():
        return here.problem(
            mark.line + 1, mark.column + 1, "E-YAML-SYNTAX", "tab cannot start a token; indent with spaces"
        )
    if "quoted scalar" in (error.context or "") and context is not None and "unexpected" in (error.problem or ""):
        message = f"quoted text opened on line {context.line + 1} does not end; close the quote"
        return here.problem(context.line + 1, context.column + 1, "E-YAML-SYNTAX", message)
    said = " ".join(part for part in (error.problem, error.context) if part)
    return here.problem(mark.line + 1, mark.column + 1, "E-YAML-SYNTAX", f"{said or 'cannot be read as YAML'}")
