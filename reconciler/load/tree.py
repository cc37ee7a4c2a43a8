"""The digest of everything that went into a load: equal inputs, equal tree, wherever the checkout lies.

It is made of one digest a file, over what the file holds and all that it names or brings in. So it can be made whole
from the digests of files that did not change and those of files that did.
"""

import hashlib
from collections import defaultdict

from reconciler.core.manifest import Manifest
from reconciler.load.caching.parted import Parted
from reconciler.load.options import Options
from reconciler.load.place import Here


class Tree:
    """Takes what is read and gives the digests of it; the order does not matter; `files` is where it was read."""

    def __init__(self, options: Options) -> None:
        self.given = given_digest(options)
        self.files: set[str] = set()
        self._lines: dict[str, set[str]] = defaultdict(set)

    def file(self, here: Here, data: bytes) -> None:
        """Add a file by its name below the loaded folder."""
        self.brought(here.relative, here, hashlib.sha256(data).hexdigest())

    def brought(self, name: str, here: Here, digest: str) -> None:
        """Add a file that is brought in by the one of this name."""
        self._lines[name].add(f"file {here.relative!r} {digest}")
        self.files.add(here.path)

    def contents(self, name: str, manifest: Manifest) -> None:
        """Add what a manifest of the file `name` points at."""
        for path, content in manifest.contents.items():
            line = manifest.source().line
            self._lines[name].add(f"content {line} {path} {content.name!r} {content.digest}")

    def digests(self) -> dict[str, str]:
        """By its name below the loaded folder, the digest of every file."""
        return {name: _digest(lines) for name, lines in self._lines.items()}


def given_digest(options: Options) -> str:
    """The digest of what is given besides the files."""
    return _digest(
        {
            repr(("variables", sorted(options.variables.items()))),
            repr(("overrides", [(one.address, one.path, one.value) for one in options.overrides])),
            *(repr(("policy", one.address, one.path, one.value)) for one in options.policies),
            repr(("names", options.name, options.endpoint_name)),
        }
    )


def tree_of(given: str, files: Parted) -> str:
    """SHA-256 in hexadecimal over all that was read, by what is given and the digest of every file."""
    return _digest({f"given {given}", f"files {files.id}"})


def _digest(lines: set[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()
