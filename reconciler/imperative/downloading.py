"""The content of a registered model is laid down in a folder of the user's, and nowhere else."""

import os
from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.contents import digest_of_files
from reconciler.core.secret import masked
from reconciler.errors import MlopsError, ProviderError
from reconciler.load.disk.digest import content_files
from reconciler.record.files import beside
from reconciler.record.laying import copied, remove
from reconciler.workspace import Workspace


def download(workspace: Workspace, address: Address, folder: Path) -> Path:
    """Lay a model's content down as `FOLDER/NAME/CONTENT`, as the Azure CLI does; files that are there are replaced.

    Nothing of it is there before all of it was copied and is what was registered.

    Returns:
        Where it lies.

    Raises:
        MlopsError: the content is not of this target, or would lie outside of the folder.
        ProviderError: the content is not stored here, or is not what was registered.
    """
    content = workspace.store.read().entries[address].spec.get("path")
    if not isinstance(content, dict) or "digest" not in content:
        told = masked(str(content or "not given"))
        raise MlopsError(f"{address} has no content in this target: its path is {told}")
    target = _inside(folder, address.name, str(content["name"]))
    stored = workspace.assets.path(str(content["digest"]))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = beside(target)
        try:
            _copy(stored, fresh, str(content["digest"]), address)
            _put(fresh, target)
        finally:
            remove(fresh)
    except OSError as error:
        raise MlopsError(f"{error.filename or target}: cannot be written: {error.strerror or error}") from error
    return target


def _inside(folder: Path, *names: str) -> Path:
    """A place below a folder; neither a name nor a link that is there leads out of it."""
    top = place = folder.resolve()
    for name in names:
        if name in ("", ".", "..") or os.sep in name:
            raise MlopsError(f"{name!r} cannot be the name of a file, so it cannot be downloaded")
        place = place / name
        _refuse_link(place, top)
    return place


def _refuse_link(place: Path, top: Path) -> None:
    if place.is_symlink():
        raise MlopsError(f"{place} is a link, which may lead out of {top}; remove it, or give another --download-path")


def _copy(stored: Path, fresh: Path, digest: str, address: Address) -> None:
    files = list(content_files(stored)) if stored.is_dir() else [("", stored)]
    if stored.is_dir():
        fresh.mkdir()
    if digest_of_files(copied(files, fresh)) != digest:
        raise ProviderError(f"the stored content of {address} is no longer what was registered; register it again")
    for path in [each for each in (fresh, *fresh.rglob("*")) if each.is_file()]:
        path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _put(fresh: Path, target: Path) -> None:
    """Move what was copied into place: at once where nothing is there, else file by file."""
    if fresh.is_file() or not target.exists():
        fresh.replace(target)
        return
    for path in sorted(fresh.rglob("*")):
        place = target / path.relative_to(fresh)
        if path.is_dir():
            _refuse_link(place, target)
            place.mkdir(exist_ok=True)
        else:
            path.replace(place)
