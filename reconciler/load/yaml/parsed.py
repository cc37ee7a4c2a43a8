"""A document: its value, the place of every field, and what was written where YAML made something else of it."""

from collections.abc import Mapping
from typing import Any

from reconciler.frozen import dataclass

Positions = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Document:
    """One YAML document.

    Args:
        value: as `yaml.safe_load` gives it.
        positions: dotted path to the place of its key; a list's item by its index; the document under "".
        written: dotted path to the text of every scalar that is not text to YAML.
    """

    value: Any
    positions: Mapping[str, tuple[int, int]]
    written: Mapping[str, str]
