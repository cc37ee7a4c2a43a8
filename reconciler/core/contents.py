"""What a spec speaks of without holding it: content, known by digest, and secrets whose values are elsewhere."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core.secret import Secret


def digest_of_files(files: Iterable[tuple[str, str]]) -> str:
    """The digest of content, as Azure's own hash has it.

    Args:
        files: sorted by relative name, each with the SHA-256 of its bytes; a file by itself has an empty name.
    """
    digest = hashlib.sha256()
    for name, sha256 in files:
        digest.update(f"{name}\0{sha256}\n".encode("utf-8", "surrogateescape"))
    return f"sha256:{digest.hexdigest()}"


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
