"""The digest of an asset: SHA-256 over names and bytes of every file that counts, as Azure's own hash has it."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH114, PTH118

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from reconciler.load.ignore import Ignored, ignored_in


def content_digest(path: Path) -> str:
    """The digest of a file or a folder; equal content under another name has an equal digest.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    if not path.is_dir():
        _add(digest, "", path)
        return f"sha256:{digest.hexdigest()}"
    for name, file in content_files(path):
        _add(digest, name, file)
    return f"sha256:{digest.hexdigest()}"


def content_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder that count, sorted by relative name; ignored ones are left out, links are followed."""
    found = _below(str(folder), "", ignored_in(folder), (os.path.realpath(folder),))
    yield from ((name, Path(path)) for name, path in sorted(found))


def links_of(folder: Path) -> Iterator[tuple[str, str]]:
    """The links in a folder that count: relative name, and where each leads, sorted."""
    ignored = ignored_in(folder)
    found = []
    for top, folders, files in os.walk(folder):
        below = os.path.relpath(top, folder).replace(os.sep, "/").removeprefix(".").removeprefix("/")
        names = [(name, f"{below}/{name}".removeprefix("/")) for name in (*folders, *files)]
        counting = {name: relative for name, relative in names if not ignored(relative, name in folders)}
        folders[:] = [name for name in folders if name in counting]
        for name, relative in counting.items():
            path = os.path.join(top, name)
            if os.path.islink(path):
                found.append((relative, os.path.realpath(path)))
    yield from sorted(found)


def _below(folder: str, prefix: str, ignored: Ignored, seen: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            is_folder = entry.is_dir()
            if ignored(name, is_folder):
                continue
            if is_folder:
                # A link to a folder that holds it would never end.
                real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if real not in seen:
                    yield from _below(entry.path, f"{name}/", ignored, (*seen, real))
            elif entry.is_file():
                yield name, entry.path


def _add(digest: "hashlib._Hash", name: str, path: Path) -> None:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    digest.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
