"""How far expressions reach into what they are asked about: nothing else of it is laid out for them.

An expression gets at a value by the name of a variable and a chain of fields behind it. What follows a variable in any
other way, as an index, leaves it whole; and so does a chain that ends.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_CHAIN = r"(?<![\w.])%s\b((?:\.[A-Za-z_]\w*)*)(\s*\()?(\s*[!=]=\s*null\b)?"
_SIZED = r"\bsize\(\s*%s((?:\.[A-Za-z_]\w*)+)\s*\)"


@dataclass(frozen=True)
class Reach:
    """What is reached of a value.

    Args:
        whole: all of it.
        asked: whether there is a value, or how many items it has.
        fields: by name, what is reached of a field.
    """

    whole: bool = False
    asked: bool = False
    fields: Mapping[str, "Reach"] = field(default_factory=dict)

    def of(self, value: Any) -> Any:
        """The value without what is not reached; that something is absent stays so."""
        if self.whole or value is None:
            return value
        if isinstance(value, dict):
            found = dict.fromkeys(value) if self.asked else {}
            for name, reach in self.fields.items():
                if name in value:
                    found[name] = reach.of(value[name])
            return found
        return [None] * len(value) if isinstance(value, (list, tuple)) and not self.fields else value


def reached(variable: str, expressions: Iterable[str]) -> Reach | None:
    """What some expressions reach of a variable; None where they do not name it. What is in quotes counts, too."""
    chains: set[tuple[tuple[str, ...], bool]] = set()
    for text in expressions:
        chains |= {(_chain(names), True) for names in re.findall(_SIZED % variable, text)}
        for names, call, null in re.findall(_CHAIN % variable, re.sub(_SIZED % variable, "", text)):
            chain = _chain(names)
            chains.add((chain[:-1] if call and chain else chain, bool(null) and not call))
    return _reach(chains) if chains else None


def _reach(chains: Iterable[tuple[tuple[str, ...], bool]]) -> Reach:
    """The tree of some chains of fields, each with whether it is only asked what is at its end."""
    below: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
    for chain, asked in chains:
        if chain:
            below.setdefault(chain[0], []).append((chain[1:], asked))
    ends = {asked for chain, asked in chains if not chain}
    return Reach(False in ends, True in ends, {name: _reach(some) for name, some in below.items()})


def _chain(names: str) -> tuple[str, ...]:
    return tuple(names.split(".")[1:])
