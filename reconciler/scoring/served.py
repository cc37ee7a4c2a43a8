"""What a worker serves: its code and its model as they were when it began, known by the digest of their files.

The files are marked by inode, size and times before the script is imported. What is small is read then, too; what is
large is read when somebody asks, in a thread of its own: as long as the marks are the same, so are the files.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.scoring.settings import Settings

SMALL = 4 << 20
_CHUNK = 1 << 20
# What no digest of the house counts, wherever it stands.
_LEFT_OUT = frozenset({"__pycache__", ".git", ".mlops", ".DS_Store"})


class Mark(NamedTuple):
    """By what a file is known to be the one that it was; whoever writes to it cannot set the time of its change."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


Marks = Mapping[str, Mark]
"""By relative name the files of a folder; of a file by itself, that under the empty name."""


def marks_of(path: Path) -> Marks:
    """The files that are there now; none where nothing is, or it cannot be looked at."""
    try:
        names = _names(path) if path.is_dir() else ("",)
        return {name: _mark(path / name if name else path) for name in names}
    except OSError:
        return {}


def digest_of(path: Path, names: Marks) -> str:
    """The digest of a file or a folder, by the rule that a plan knows content by.

    Raises:
        OSError: a file cannot be read.
    """
    whole = hashlib.sha256()
    for name in sorted(names):
        content = _content(path / name if name else path)
        whole.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return f"sha256:{whole.hexdigest()}"


class Part:
    """Code or model: how it was at first, and how it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first = self._last = marks_of(path)
        self._loaded = self._now = ""
        self._reading = threading.Lock()
        if sum(mark.size for mark in self._first.values()) <= SMALL:
            self._read(self._first)

    def told(self) -> dict[str, str | bool]:
        """The digest of what was loaded, and of what is there now; empty where nobody knows it, or not yet."""
        now = marks_of(self._path)
        same = now == self._first
        loaded = self._loaded  # once, for it may be read while this answer is made
        current = loaded if same else self._now if now == self._last else ""
        if not current and not self._reading.locked():
            threading.Thread(target=self._read, args=[now], name="served", daemon=True).start()
        return {"loaded": loaded, "now": current, "same": same}

    def _read(self, marks: Marks) -> None:
        with self._reading:
            try:
                digest = digest_of(self._path, marks)
            except OSError:
                return
            # What was changed in between is neither what it was nor what it is.
            if marks_of(self._path) != marks:
                return
            self._last, self._now = marks, digest
            if marks == self._first:
                self._loaded = digest


class Served:
    """The code and the model of one worker; made before anything of them is loaded."""

    def __init__(self, settings: Settings) -> None:
        self._workers = settings.workers
        self._code = Part(settings.code_folder) if settings.code_folder else None
        folder = settings.model_folder
        self._models = {} if folder is None else {name: Part(folder / name) for name in _entries(folder)}

    def report(self) -> dict[str, Any]:
        """What a worker answers when it is asked what it serves."""
        found: dict[str, Any] = {"worker": os.getpid(), "workers": self._workers}
        if self._code:
            found["code"] = self._code.told()
        return {**found, "model": {name: part.told() for name, part in self._models.items()}}


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    except OSError:
        return []


def _names(folder: Path) -> Iterator[str]:
    """The files below a folder, by relative name."""
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        below = os.path.relpath(at, folder)
        for name in files:
            if name not in _LEFT_OUT:
                yield name if below == "." else f"{below}/{name}"


def _mark(path: Path) -> Mark:
    facts = path.stat()
    return Mark(facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _content(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
