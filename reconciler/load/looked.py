"""What a load looks at besides the files themselves, and what it read there, so that later ones can tell a change."""

import hashlib
from collections import defaultdict

from reconciler.core.contents import digest_of_files

ABSENT = ""


class Looked:
    """The places that the manifests of a load lead to, there or not; `found` is the digest of the content of each."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.files: dict[str, set[str]] = defaultdict(set)
        self._file = ""

    def begin(self, file: str) -> None:
        """From now on it is the manifests of this file, by its name below the loaded folder, that lead somewhere."""
        self._file = file

    def at(self, place: str) -> None:
        """Note a place; until more is known, nothing is there."""
        self.found.setdefault(place, ABSENT)
        self.files[place].add(self._file)

    def read(self, place: str, digest: str) -> None:
        """Note a place, and the digest of the content that was read there."""
        self.at(place)
        self.found[place] = digest


def digest_of(data: bytes) -> str:
    """The digest of a file by itself, as content has it."""
    return digest_of_files([("", hashlib.sha256(data).hexdigest())])
