"""Files in a store that a URL names, through fsspec: written whole, read, and asked for their size."""

import errno
import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.errors import MlopsError, ProviderError, TransientError
from reconciler.record.files import lay_down, sync_folder

# Where a file appears whole once it is written, and folders are names alone.
_OBJECT_STORES = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "ocilake", "tos", "memory"}
)
_LASTING_NAMES = "EACCES EPERM ENOENT ENOSPC EDQUOT EROFS ENOTDIR EISDIR EINVAL EFBIG ENOTSUP"
_LASTING = frozenset(getattr(errno, name) for name in _LASTING_NAMES.split() if hasattr(errno, name))
# The errors of backends that are no OSError, by the names of their classes, as no backend is imported for them.
_PASSING = frozenset(
    {"HTTPClientError", "ConnectionError", "ClientConnectionError", "ClientPayloadError", "IncompleteRead"}
    | {"IncompleteReadError", "ServiceRequestError", "ServiceResponseError", "TransportError", "EOFError"}
)
_COLLECT_EVERY = 64 << 20
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class RemoteFiles:
    """The files of a store elsewhere. Several threads may use it at once.

    Every method raises `TransientError` where the same may succeed in a moment, as when the store is away or busy, and
    `ProviderError` where it will not.

    Args:
        url: of the folder that holds them, without a password.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._lock, self._own = threading.Lock(), threading.local()
        self._shared: tuple[Any, str] | None = None
        self._sent = 0

    def size(self, name: str) -> int | None:
        """How many bytes a file has; None where there is none."""
        with self._told(name):
            files, root = self._opened()
            try:
                return int(files.info(f"{root}/{name}")["size"] or 0)
            except FileNotFoundError:
                return None

    def read(self, name: str, most: int) -> bytes | None:
        """The bytes of a file, not more than so many; None where there is none."""
        with self._told(name):
            files, root = self._opened()
            path = f"{root}/{name}"
            try:
                data: bytes = files.cat_file(path, start=0, end=most)
            except FileNotFoundError:
                return None
            except Exception:
                # Of an empty file some stores give no range.
                if files.info(path)["size"] == 0:
                    return b""
                raise
            return data[:most]

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it; it appears whole or not at all."""
        with self._told(name):
            files, root = self._opened()
            path = f"{root}/{name}"
            if _protocols(files) & _OBJECT_STORES:
                files.pipe_file(path, data)
            elif "file" in _protocols(files):
                _write_here(Path(path), data)
            else:
                _write_and_move(files, path, data)
        self._let_go(len(data))

    def _opened(self) -> tuple[Any, str]:
        """The backend, and the store's own place there; of one that is for one thread alone, this thread's."""
        with self._lock:
            found = self._shared or getattr(self._own, "opened", None)
            if found is None:
                with self._told("cannot be opened"):
                    found = self._open()
            if getattr(found[0], "async_impl", False):
                self._shared = found
        self._own.opened = found
        return found

    def _open(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped] # noqa: PLC0415 - has no types; few need it

        # An instance of our own: one that is shared would keep the settings of whoever made it first.
        files, root = url_to_fs(self.url, skip_instance_cache=True)
        root = str(root).rstrip("/")
        if not _protocols(files) & _OBJECT_STORES and not files.isdir(root):
            # A share that is not mounted is not to be taken for an empty store.
            raise ProviderError(f"assets {self.url}: there is no such folder; make it, or mount it")
        return files, root

    def _let_go(self, count: int) -> None:
        """Have what was sent collected: requests of some backends leave cycles that hold it, as if that were little."""
        with self._lock:
            self._sent += count
            due, self._sent = self._sent >= _COLLECT_EVERY, self._sent % _COLLECT_EVERY
        if due:
            gc.collect()

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except MlopsError:
            raise
        except ImportError as error:
            package = _package(self.url)
            said = f"; install the package {package} beside mlops" if package else ""
            raise ProviderError(f"assets {self.url}: {name}: {_line(error)}{said}") from error
        except Exception as error:
            kind = TransientError if _is_passing(error) else ProviderError
            raise kind(f"assets {self.url}: {name}: {_line(error)}") from error


def _write_here(path: Path, data: bytes) -> None:
    """A folder of this machine, or one that is mounted, which others may be meant to read."""
    missing = [each for each in path.parents if not each.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)
    lay_down(path, lambda temporary: _fill(temporary, data), over=True, mode=0o666)


def _fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _write_and_move(files: Any, path: str, data: bytes) -> None:
    folder, _, name = path.rpartition("/")
    temporary = f"{folder}/.{name}-{os.urandom(8).hex()}"
    files.makedirs(folder, exist_ok=True)
    try:
        files.pipe_file(temporary, data)
        files.mv(temporary, path)
    except BaseException:
        with suppress(Exception):
            files.rm_file(temporary)
        raise


def _protocols(files: Any) -> frozenset[str]:
    return frozenset({files.protocol} if isinstance(files.protocol, str) else files.protocol)


def _package(url: str) -> str:
    """The package that brings a URL's backend, as far as fsspec knows it."""
    from fsspec.registry import known_implementations  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    known = known_implementations.get(url.partition(":")[0], {}).get("class", "")
    package = known.partition(".")[0]
    return "" if package == "fsspec" else package


def _is_passing(error: Exception) -> bool:
    """Whether the same call may succeed in a moment; of an error that nobody knows it is not said."""
    status = {getattr(error, name, None) for name in ("status_code", "status", "code") if _is_number(error, name)}
    if status & _BUSY or _PASSING & {each.__name__ for each in type(error).__mro__}:
        return True
    lasting = isinstance(error, (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError))
    return isinstance(error, OSError) and not lasting and error.errno not in _LASTING


def _is_number(error: Exception, name: str) -> bool:
    return isinstance(getattr(error, name, None), int)


def _line(error: Exception) -> str:
    """What an error says in its first line, of bearable length; behind it some backends have whole documents."""
    said = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return said if len(said) <= 300 else f"{said[:300]}…"
