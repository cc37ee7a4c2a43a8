"""A disk that fails at the n-th write, sync, cut or removal below SQLite, or at the n-th call that lays down a file."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest


class FailingDisk(apsw.VFS):
    """Below SQLite.

    Args:
        kind: the call that fails, as SQLite names it: xWrite, xSync, xTruncate, xDelete.
        at: the number of that call, from 1.
        forever: whether it fails from then on.
        error: what it fails with.
    """

    def __init__(self, name: str, kind: str, at: int, error: Callable[[], Exception], *, forever: bool) -> None:
        self.name, self._kind, self._at, self._forever, self._error = name, kind, at, forever, error
        self.count = 0
        super().__init__(name, "")

    @property
    def failed(self) -> bool:
        return self.count >= self._at

    def reach(self, kind: str) -> None:
        if kind == self._kind:
            self.count += 1
            if self.count == self._at or (self._forever and self.failed):
                raise self._error()

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.reach("xDelete")
        super().xDelete(filename, syncdir)

    def excepthook(self, *_: object) -> None:
        """What fails is meant to."""


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        try:
            self._disk.reach("xWrite")
        except Exception:
            # Of a write for which there is no space a part is there.
            super().xWrite(data[: len(data) // 2], offset)
            raise
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.reach("xSync")

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.reach("xTruncate")
        super().xTruncate(newsize)

    def excepthook(self, *_: object) -> None:
        """As that of the disk."""


def full() -> Exception:
    return apsw.FullError("database or disk is full")


def broken() -> Exception:
    error = apsw.IOError("disk I/O error")
    with suppress(AttributeError):
        error.extendedresult = apsw.SQLITE_IOERR_WRITE
    return error


class FailingCalls:
    """Has the n-th of the operating system's calls on files below a folder fail; syncs cost nothing."""

    NAMES = ("open", "write", "fsync", "link", "replace", "rename", "mkdir")

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, at: int, number: int) -> None:
        self._folder, self._at, self._number = str(folder), at, number
        self.count = 0
        for name in self.NAMES:
            patch.setattr(f"os.{name}", self._failing(getattr(os, name), spare=name == "fsync"))

    @property
    def failed(self) -> bool:
        return self.count >= self._at

    def _failing(self, call: Callable[..., Any], *, spare: bool) -> Callable[..., Any]:
        def failing(*given: Any, **named: Any) -> Any:
            if self._is_below(given[0]):
                self.count += 1
                if self.count == self._at:
                    raise OSError(self._number, os.strerror(self._number), *map(str, given[:1]))
            return None if spare else call(*given, **named)

        return failing

    def _is_below(self, what: Any) -> bool:
        path = str(Path(f"/proc/self/fd/{what}").readlink()) if isinstance(what, int) else os.fspath(what)
        return str(path).startswith(self._folder)
