"""The document of a node of YAML; what is wrong with keys and values is told with its place."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from reconciler.core.problem import Problem
from reconciler.late import pattern
from reconciler.load.place import Here
from reconciler.load.yaml.nodes import Node
from reconciler.load.yaml.parsed import Document, Positions
from reconciler.load.yaml.scalars import NotAValueError, is_merge, plain_value, spoken, value_of

_NAMES = frozenset({"name", "endpoint_name", "version", "model", "environment", "code", "scoring_script", "path"})
_SHORT = 100
_HIDDEN = pattern("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")

_Field = tuple[Node, Node]
"""A key, and its value."""


def document(top: Node, here: Here, problems: list[Problem]) -> Document:
    """Build the document of a top node; what is wrong with keys and values is added to `problems`."""
    builder = _Builder(here, problems)
    value = builder.value(top)
    positions: Positions = {"": (top.line, top.column)}
    written: dict[str, str] = {}
    for path, line, column, node in builder.fields(top, ""):
        positions[path] = (line, column)
        if node.kind == "scalar" and not isinstance(builder.value(node), str):
            written[path] = node.text
    return Document(value, positions, written)


@lru_cache(maxsize=4096)
def _is_usual(text: str) -> bool:
    """Whether a key without quotes is a word as nearly all keys are, which YAML takes for nothing else."""
    return text.isascii() and text.isidentifier() and isinstance(plain_value(text), str)


class _Builder:
    """Builds each node once, so that what is aliased is shared as it is by `yaml.safe_load`."""

    def __init__(self, here: Here, problems: list[Problem]) -> None:
        self._here = here
        self._problems = problems
        self._values: dict[int, Any] = {}
        self._fields: dict[int, dict[str, _Field]] = {}

    def value(self, node: Node) -> Any:
        known = self._values.get(id(node), self)  # no value is the builder
        if known is self:
            known = self._values[id(node)] = self._built(node)
        return known

    def fields(self, node: Node, prefix: str) -> Iterator[tuple[str, int, int, Node]]:
        """Every field below a node: its dotted path, its place and its value's node."""
        if node.kind == "mapping":
            parts = [(key, own.line, own.column, value) for key, (own, value) in self._mapping(node).items()]
        else:
            parts = [(str(index), item.line, item.column, item) for index, item in enumerate(node.parts)]
        for key, line, column, part in parts:
            path = f"{prefix}.{key}" if prefix else key
            yield path, line, column, part
            if part.parts:
                yield from self.fields(part, path)

    def _built(self, node: Node) -> Any:
        if node.kind == "mapping":
            return {key: self.value(value) for key, (_, value) in self._mapping(node).items()}
        if node.kind == "sequence":
            return [self.value(item) for item in node.parts]
        return self._scalar(node)

    def _scalar(self, node: Node) -> Any:
        try:
            return value_of(node)
        except NotAValueError as error:
            self._report(node, "E-YAML-VALUE", str(error))
            return None

    def _mapping(self, node: Node) -> dict[str, _Field]:
        known = self._fields.get(id(node))
        return self._fields.setdefault(id(node), self._read(node)) if known is None else known

    def _read(self, node: Node) -> dict[str, _Field]:
        own: dict[str, _Field] = {}
        merged: dict[str, _Field] = {}
        for key, value in zip(node.parts[::2], node.parts[1::2], strict=True):
            if key.text == "<<" and is_merge(key):
                merged |= self._merged(key, value)
                continue
            usual = key.plain and not key.tag and len(key.text) <= _SHORT and _is_usual(key.text)
            name = key.text if usual else self._key(key)
            if name is None:
                continue
            if name in own:
                message = f"key {name!r} is given twice; first on line {own[name][0].line}"
                self._report(key, "E-YAML-DUP", message)
            if name in _NAMES and value.kind == "scalar":
                self._visible(value)
            own[name] = key, value
        return merged | own

    def _merged(self, key: Node, value: Node) -> dict[str, _Field]:
        """What `<<` brings in: of several mappings the first that has a key gives it."""
        sources = [value] if value.kind == "mapping" else value.parts
        if value.kind == "scalar" or any(source.kind != "mapping" for source in sources):
            self._report(key, "E-YAML-KEY", "<< takes a mapping or a list of mappings; name them by *alias")
            return {}
        merged: dict[str, _Field] = {}
        for source in reversed(sources):
            merged |= self._mapping(source)
        return merged

    def _key(self, node: Node) -> str | None:
        if node.kind != "scalar":
            self._report(node, "E-YAML-KEY", "a key must be text")
            return None
        self._visible(node)
        try:
            value = value_of(node)
        except NotAValueError as error:
            self._report(node, "E-YAML-VALUE", str(error))
            return None
        if value is None or isinstance(value, bool):
            message = f'a key must be text, YAML reads {node.text or "nothing"} as {spoken(value)}; write "{node.text}"'
            self._report(node, "E-YAML-KEY", message)
        return node.text

    def _visible(self, node: Node) -> None:
        if found := _HIDDEN.search(node.text):
            message = f"character U+{ord(found[0]):04X} is not allowed in a name; remove it"
            self._report(node, "E-NAME-CHAR", message)

    def _report(self, node: Node, code: str, message: str) -> None:
        self._problems.append(self._here.problem(node.line, node.column, code, message))
