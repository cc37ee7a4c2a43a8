"""The content of models, code and build contexts, laid down once under its digest."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.core.contents import digest_of_files
from reconciler.core.manifest import Content
from reconciler.errors import ProviderError
from reconciler.record.files import beside, private_folder
from reconciler.record.laying import copied, put_in_place, remove, sync_names, workplace

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
    remove(going)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed left half laid down, or half removed; nobody may be at it."""
    for path in folder.glob(".sha256-*-*"):
        remove(path)


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
        try:
            private_folder(self._folder)
            with workplace(stored) as place:
                self._lay_down_in(place, source, stored)
        except OSError as error:
            raise ProviderError(
                f"{source.location}: cannot be copied to {self._folder}: {error}; plan again"
            ) from error

    def _lay_down_in(self, place: Path, source: Content, stored: Path) -> None:
        copy, altered = place / "content", place / "altered"
        try:
            if not self._is_copied(source, copy):
                raise ProviderError(f"{source.location}: changed since the plan was made; plan again")
            sync_names(copy)
            if source.digest in self._distrusted and stored.exists():
                stored.rename(altered)
            put_in_place(copy, stored)
        finally:
            remove(copy)
            remove(altered)

    def _is_copied(self, source: Content, copy: Path) -> bool:
        """Whether what was copied is what was planned, bytes and names: a copied file may say which names count."""
        is_folder = source.location.is_dir()
        if is_folder:
            copy.mkdir(exist_ok=True)
        files = copied(list(self._files_of(source.location)) if is_folder else [("", source.location)], copy)
        kept = [name for name, _ in self._files_of(copy)] if is_folder else [""]
        return digest_of_files(files) == source.digest and [name for name, _ in files] == kept
