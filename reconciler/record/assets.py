"""The content of models, code and build contexts, laid down once under its digest."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.core.manifest import Content
from reconciler.errors import ProviderError
from reconciler.record.files import beside, open_regular, private_folder, sync_folder

_AT_A_TIME = 1 << 20
_STORED = re.compile(r"sha256-[0-9a-f]{64}")


def stored_contents(folder: Path) -> dict[str, int]:
    """The content that a folder of assets holds: by digest, how many bytes; other things in it are not ours."""
    found = (path for path in sorted(folder.glob("sha256-*")) if _STORED.fullmatch(path.name))
    return {path.name.replace("-", ":", 1): _bytes(path) for path in found}


def remove_content(folder: Path, digest: str) -> None:
    """Remove a content; it is gone at once, so that nobody takes half of it for the whole."""
    stored = folder / digest.replace(":", "-")
    going = beside(stored)
    with suppress(FileNotFoundError):
        stored.rename(going)
    shutil.rmtree(going, ignore_errors=True)
    going.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left half laid down, or half removed; nobody may be at it."""
    for path in folder.glob(".sha256-*-*"):
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            path.unlink()


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


class AssetStore:
    """Files and folders known by digest; what is asked for and not yet there is copied from where it was found.

    Args:
        folder: where it is all kept; made when something is first laid down.
        sources: by digest, where the manifests found it.
        digest_of: the digest of a file or folder, as the manifests were loaded with.
        files_of: the files of a folder that count, by relative name; ignored files are left out.
    """

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Content],
        *,
        digest_of: Callable[[Path], str],
        files_of: Callable[[Path], Iterable[tuple[str, Path]]],
    ) -> None:
        self._folder, self._sources = folder, sources
        self._digest_of, self._files_of = digest_of, files_of
        self._distrusted: set[str] = set()

    def path(self, digest: str) -> Path:
        """The stored file or folder of that digest.

        Its files are read-only; its folders are not, so that the whole can be removed without changing modes.

        Raises:
            ProviderError: the content is neither stored nor where the manifests found it.
        """
        stored = self._stored(digest)
        if not stored.exists() or (digest in self._distrusted and self._digest_of(stored) != digest):
            self._lay_down(digest, stored)
        self._distrusted.discard(digest)
        return stored

    def distrust(self, digest: str) -> None:
        """Look at the stored content when it is next asked for, and lay it down anew if it was altered."""
        self._distrusted.add(digest)

    def holds(self, digest: str) -> bool:
        """Whether the content is stored, or where the manifests found it."""
        return self._stored(digest).exists() or digest in self._sources

    def _stored(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")

    def _lay_down(self, digest: str, stored: Path) -> None:
        source = self._sources.get(digest)
        if source is None:
            raise ProviderError(f"the content {digest} is not stored here; apply from the files that name it")
        temporary = beside(stored)
        try:
            private_folder(self._folder)
            temporary.mkdir()
            copy = temporary / source.location.name
            self._copy(source, copy)
            self._verify(digest, copy, source.location)
            _sync_names(copy)
            if digest in self._distrusted and stored.exists():
                stored.rename(temporary / "altered")
            _move(copy, stored)
        except OSError as error:
            raise ProviderError(
                f"{source.location}: cannot be copied to {self._folder}: {error}; plan again"
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _copy(self, source: Content, copy: Path) -> None:
        if not source.location.is_dir():
            _copy_file(source.location, copy)
            return
        copy.mkdir()
        for name, file in self._files_of(source.location):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            _copy_file(file, copy / name)

    def _verify(self, digest: str, copy: Path, location: Path) -> None:
        if self._digest_of(copy) != digest:
            raise ProviderError(f"{location}: changed since the plan was made; plan again")


def _copy_file(source: Path, copy: Path) -> None:
    """Copy with the executable bits, durable and read-only."""
    with open_regular(source) as file, copy.open("xb") as made:
        executable = os.fstat(file.fileno()).st_mode & 0o100
        shutil.copyfileobj(file, made, _AT_A_TIME)
        made.flush()
        os.fsync(made.fileno())
    copy.chmod(0o555 if executable else 0o444)


def _sync_names(copy: Path) -> None:
    """Make every folder's names durable, else a power cut could leave a folder that lacks some under a digest."""
    for folder in (copy, *copy.rglob("*")):
        if folder.is_dir():
            sync_folder(folder)


def _move(copy: Path, stored: Path) -> None:
    """Put the whole in place at once; content that another thread or process put there meanwhile is the same."""
    try:
        copy.rename(stored)
    except OSError:
        if not stored.exists():
            raise
    sync_folder(stored.parent)
