"""What a spec speaks of without holding it: content, known by digest, and secrets whose values are elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.secret import Secret


def contents_of(value: Any) -> Iterator[str]:
    """The digests of all local content that a spec names."""
    if isinstance(value, Mapping):
        digest = value.get("digest")
        if isinstance(digest, str) and value.keys() == {"name", "digest"}:
            yield digest
        else:
            for item in value.values():
                yield from contents_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from contents_of(item)


def valueless(value: Any, path: str = "") -> Iterator[tuple[str, Secret]]:
    """The dotted paths of the secrets in a spec of which only the digest is known, and the secrets."""
    if isinstance(value, Secret):
        if value.value is None:
            yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from valueless(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from valueless(item, f"{path}[{number}]")
