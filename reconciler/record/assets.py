"""The content of models, code and build contexts, laid down once under its digest."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.contents import digest_of_files
from reconciler.core.manifest import Content
from reconciler.errors import ProviderError
from reconciler.late import pattern
from reconciler.record.files import beside, private_folder
from reconciler.record.laying import copied, put_in_place, remove, sync_names, workplace

if TYPE_CHECKING:
    from reconciler.record.depot import Depot

_COPY = "content"
_STORED = pattern(r"sha256-[0-9a-f]{64}")


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
        depot: where it is kept besides, for other machines; the folder has what this one has had to do with.
    """

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, Content],
        *,
        digest_of: Callable[[Path], str],
        files_of: Callable[[Path], Iterable[tuple[str, Path]]],
        depot: "Depot | None" = None,
    ) -> None:
        self._folder, self._sources, self._depot = folder, sources, depot
        self._digest_of, self._files_of = digest_of, files_of
        self._distrusted: set[str] = set()
        self._kept: set[str] = set()

    def path(self, digest: str) -> Path:
        """The stored file or folder of that digest.

        Its files are read-only; its folders are not, so that the whole can be removed without changing modes. What the
        manifests brought is by then where other machines find it, too.

        Raises:
            ProviderError: the content is neither stored nor where the manifests found it, or cannot be kept.
        """
        stored = self._stored(digest)
        if not stored.exists() or (digest in self._distrusted and self._digest_of(stored) != digest):
            self._lay_down(digest, stored)
        self._distrusted.discard(digest)
        if self._depot and digest in self._sources and digest not in self._kept:
            self._depot.keep(digest, self._files(stored))
            self._kept.add(digest)
        return stored

    def distrust(self, digest: str) -> None:
        """Look at the stored content when it is next asked for, and lay it down anew if it was altered."""
        self._distrusted.add(digest)

    def holds(self, digest: str) -> bool:
        """Whether the content is stored, here or elsewhere, or where the manifests found it."""
        if self._stored(digest).exists() or digest in self._sources:
            return True
        return self._depot is not None and self._depot.holds(digest)

    def _stored(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")

    def _files(self, path: Path) -> list[tuple[str, Path]]:
        """The files of a content, by relative name; a file by itself has none."""
        return list(self._files_of(path)) if path.is_dir() else [("", path)]

    def _lay_down(self, digest: str, stored: Path) -> None:
        source = self._sources.get(digest)
        if source is None and self._depot is None:
            raise ProviderError(f"the content {digest} is not stored here; apply from the files that name it")
        try:
            private_folder(self._folder)
            with workplace(stored) as place:
                if source is None and self._depot:
                    # What was fetched stays there when this fails.
                    self._depot.fetch(digest, place / _COPY)
                self._put_in_place(digest, source, place, stored)
        except OSError as error:
            where = f"{source.location}: " if source else ""
            raise ProviderError(f"{where}cannot be copied to {self._folder}: {error}; plan again") from error

    def _put_in_place(self, digest: str, source: Content | None, place: Path, stored: Path) -> None:
        copy, altered = place / _COPY, place / "altered"
        try:
            if source and not self._is_copied(source, copy):
                raise ProviderError(f"{source.location}: changed since the plan was made; plan again")
            if not source and self._digest_of(copy) != digest:
                raise ProviderError(
                    f"the content {digest} was altered where it is kept; apply from the files that name it"
                )
            sync_names(copy)
            if digest in self._distrusted and stored.exists():
                stored.rename(altered)
            put_in_place(copy, stored)
        finally:
            remove(copy)
            remove(altered)

    def _is_copied(self, source: Content, copy: Path) -> bool:
        """Whether what was copied is what was planned, bytes and names: a copied file may say which names count."""
        if source.location.is_dir():
            copy.mkdir(exist_ok=True)
        files = copied(self._files(source.location), copy)
        names = [name for name, _ in files]
        return digest_of_files(files) == source.digest and names == [name for name, _ in self._files(copy)]
