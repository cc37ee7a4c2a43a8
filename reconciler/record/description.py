"""What a store elsewhere says of a content: its files, and the parts that they are made of."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reconciler.core.contents import digest_of_files
from reconciler.frozen import dataclass

PART_BYTES = 4 << 20
_MOST_PART_BYTES = 64 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OF_NOTHING = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class StoredFile:
    """A file of a content.

    Args:
        name: relative to the content, with `/`; empty where the content is a file itself.
        size: in bytes.
        executable: whether its owner may run it.
        sha256: of all its bytes.
        parts: the SHA-256 of each of its parts, in order; all but the last are of one size.
    """

    name: str
    size: int
    executable: bool
    sha256: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """A content as a store elsewhere has it; its digest is that of names and SHA-256 of the files.

    Args:
        files: all of them, sorted by name.
        part_bytes: how many bytes each part has, but for the last of a file.
    """

    files: tuple[StoredFile, ...]
    part_bytes: int = PART_BYTES

    @property
    def digest(self) -> str:
        """What the content is known by."""
        return digest_of_files((file.name, file.sha256) for file in self.files)

    @property
    def is_folder(self) -> bool:
        """Whether the content is a folder, which may be empty."""
        return [file.name for file in self.files] != [""]

    @property
    def size(self) -> int:
        """Of all files together, in bytes."""
        return sum(file.size for file in self.files)

    def places(self) -> Iterator[tuple[StoredFile, int, int, str]]:
        """Every part of every file: the file, where in it the part begins, how many bytes it has, and its SHA-256."""
        for file in self.files:
            for number, part in enumerate(file.parts):
                at = number * self.part_bytes
                yield file, at, min(self.part_bytes, file.size - at), part

    def text(self) -> bytes:
        """As it is stored; the same files give the same text."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()


def read_description(data: bytes, digest: str) -> Description:
    """The description of a content; what is cut short, of another content or leads out of its folder is none.

    Raises:
        ValueError: it is none.
    """
    try:
        value = json.loads(data)
        found = Description(tuple(map(_file, value["files"])), _whole(value["part_bytes"], 1, _MOST_PART_BYTES))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no description of a content: {error}") from error
    if found.digest != digest:
        raise ValueError(f"it describes {found.digest}")
    if any(len(file.parts) != -(-file.size // found.part_bytes) for file in found.files):
        raise ValueError("a file has not the parts that its size asks for")
    if any(len(file.parts) < 2 and file.sha256 != (*file.parts, _OF_NOTHING)[0] for file in found.files):
        raise ValueError("a file of one part has another digest than that")
    return found


def _file(value: Any) -> StoredFile:
    name, parts = value["name"], tuple(value["parts"])
    if not isinstance(name, str) or not _is_inside(name):
        raise ValueError(f"{name!r} is no name of a file")
    if not all(isinstance(each, str) and _SHA256.fullmatch(each) for each in (value["sha256"], *parts)):
        raise ValueError(f"{name!r} has a digest that is none")
    return StoredFile(name, _whole(value["size"], 0), value["executable"] is True, value["sha256"], parts)


def _is_inside(name: str) -> bool:
    """Whether a name leads nowhere but below the content's folder; a file by itself has none."""
    steps = name.split("/")
    return not name or not (
        {"", ".", ".."} & set(steps) or "\0" in name or Path(name).is_absolute() or Path(name).drive
    )


def _whole(value: Any, least: int, most: int = 1 << 62) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{value!r} is no number from {least} to {most}")
    return value
