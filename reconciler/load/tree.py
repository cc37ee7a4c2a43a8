"""The digest of everything that went into a load: equal inputs, equal tree, wherever the checkout lies."""

import hashlib

from reconciler.core.manifest import Manifest
from reconciler.load.options import Options
from reconciler.load.place import Here


class Tree:
    """Takes what is read and gives the digest of it all; the order does not matter. `files` is where it was read."""

    def __init__(self, options: Options) -> None:
        self._parts = {
            repr(("variables", sorted(options.variables.items()))),
            repr(("overrides", [(one.address, one.path, one.value) for one in options.overrides])),
            *(repr(("policy", one.address, one.path, one.value)) for one in options.policies),
            repr(("names", options.name, options.endpoint_name)),
        }
        self.files: set[str] = set()

    def file(self, here: Here, data: bytes) -> None:
        """Add a file by its name below the loaded folder."""
        self._parts.add(f"file {here.relative!r} {hashlib.sha256(data).hexdigest()}")
        self.files.add(here.path)

    def contents(self, name: str, manifest: Manifest) -> None:
        """Add what a manifest of the file `name` points at."""
        for path, content in manifest.contents.items():
            line = manifest.source().line
            self._parts.add(f"content {name!r} {line} {path} {content.name!r} {content.digest}")

    def digest(self) -> str:
        """SHA-256 in hexadecimal."""
        return hashlib.sha256("\n".join(sorted(self._parts)).encode("utf-8", "surrogateescape")).hexdigest()
