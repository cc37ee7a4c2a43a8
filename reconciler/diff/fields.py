"""Two specs, field by field: mappings are walked, everything else is compared whole."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.manifest import Spec

_ABSENT = object()


def differing(before: Spec, after: Spec, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, value before and value after of every leaf that differs; None where there is none.

    An empty mapping and a missing one are equal: neither says anything.
    """
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if old is new or old == new:
            continue
        inner = f"{path}.{key}" if path else key
        if _nothing(old) and _nothing(new):
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differing(old, new, inner)
        else:
            yield inner, None if old is _ABSENT else old, None if new is _ABSENT else new


def _nothing(value: Any) -> bool:
    return value is _ABSENT or value is None or value == {}
