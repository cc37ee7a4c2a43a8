"""Stores elsewhere that tell what they are asked, fail when they are told to, or lie; and machines that share one."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from reconciler.core.manifest import Content
from reconciler.errors import TransientError
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.record.assets import AssetStore
from reconciler.record.depot import Depot
from reconciler.record.remote_files import RemoteFiles

PART = 1000
"""Small parts, so that a file of some kilobytes has several."""


class Watched(RemoteFiles):
    """A store that counts what goes over the line.

    Args:
        writes: how many files it takes before it is away.
        reads: how many files it gives before it is away.
        lie: what is given in place of a file's bytes.
    """

    def __init__(
        self,
        url: str,
        *,
        writes: int = 1 << 30,
        reads: int = 1 << 30,
        lie: Callable[[str, bytes], bytes] = lambda _name, data: data,
    ) -> None:
        super().__init__(url)
        self._writes, self._reads, self._lie = writes, reads, lie
        self.written: Counter[str] = Counter()
        self.given: Counter[str] = Counter()
        self.most_at_once = self._at_once = 0
        self._counts = threading.Lock()

    def read(self, name: str, most: int) -> bytes | None:
        with self._counts:
            self.given[name] += 1
            if self.given.total() > self._reads:
                raise TransientError("the store is away")
        data = super().read(name, most)
        return None if data is None else self._lie(name, data)

    def write(self, name: str, data: bytes) -> None:
        with self._counts:
            if self.written.total() >= self._writes:
                raise TransientError("the store is away")
            self.written[name] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        super().write(name, data)
        with self._counts:
            self._at_once -= 1


def content(path: Path) -> Content:
    return Content(content_digest(path), path.name, path, path.is_dir())


def machine(folder: Path, files: RemoteFiles, *contents: Content) -> AssetStore:
    """The content of a target on one machine, which has the files of some; what is elsewhere is in small parts."""
    sources = {item.digest: item for item in contents}
    depot = Depot(files, part_bytes=PART)
    return AssetStore(folder, sources, digest_of=content_digest, files_of=content_files, depot=depot)


def parts_in(store: Path) -> dict[str, Path]:
    """The parts of a store in a folder, by their digest."""
    return {path.name: path for path in (store / "v1" / "parts").glob("*/*")}


def described_in(store: Path) -> list[Path]:
    return sorted((store / "v1" / "contents").glob("*"))
