"""Model folders: stored content under the name that scripts know it by, in real folders whose files are hard links."""

import filecmp
import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from reconciler.errors import ProviderError
from reconciler.providers.hosting.locking import locked


def laid_model(folder: Path, stored: Path, name: str) -> Path:
    """A folder that holds stored content under its own name, as `AZUREML_MODEL_DIR` does in Azure.

    Who walks a folder does not enter links, and mlflow loads nothing that they lead out of it to. So its folders are
    its own, and its files share their bytes with what is stored; they are copies where the file system cannot link.
    What is not as it is stored, or stored anew, is laid down anew; what reads it goes on with the files that it has.

    Raises:
        ProviderError: it cannot be laid down.
    """
    laid = folder / f"{stored.name}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    try:
        with locked(folder / "lock"):
            if not _equal(stored, laid / name):
                _lay(stored, laid, name)
    except OSError as error:
        raise ProviderError(f"the model {name} cannot be laid down in {folder}: {error}") from error
    return laid


def linked_model(folder: Path, there: Path, name: str) -> Path:
    """A folder that leads to content where its user has it, who may go on to edit that."""
    laid = folder / hashlib.sha256(os.fsencode(f"{name}\n{there}")).hexdigest()[:16]
    laid.mkdir(parents=True, exist_ok=True, mode=0o700)
    link = laid / name
    if not link.is_symlink():
        fresh = laid / f".{os.urandom(6).hex()}"
        fresh.symlink_to(there)
        fresh.replace(link)
    return laid


def remove_models(private: Path, digest: str) -> None:
    """Remove the model folders of a content from all targets, as they would keep its bytes on the disk."""
    for laid in private.glob(f"*/*/models/{digest.replace(':', '-')}-*"):
        shutil.rmtree(laid)


def _lay(stored: Path, laid: Path, name: str) -> None:
    # Who is at work here has the lock; what is left under these names is of a process that was killed.
    fresh, altered = laid.with_name(".fresh"), laid.with_name(".altered")
    _remove(fresh, altered)
    fresh.mkdir(mode=0o700)
    try:
        if stored.is_dir():
            shutil.copytree(stored, fresh / name, copy_function=_linked)
        else:
            _linked(str(stored), str(fresh / name))
        with suppress(FileNotFoundError):
            laid.rename(altered)
        fresh.rename(laid)
    finally:
        _remove(fresh, altered)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _equal(stored: Path, made: Path) -> bool:
    """Whether the same files are there, and hold the same bytes; a hard link does."""
    # It takes a file of the same size and time for one that it has read.
    filecmp.clear_cache()
    names = _files(stored)
    return names == _files(made) and all(_same(stored / name, made / name) for name in names)


def _same(one: Path, other: Path) -> bool:
    return one.samefile(other) or filecmp.cmp(one, other, shallow=False)


def _files(path: Path) -> set[str]:
    """The files below a folder, by relative name; of a file by itself, the empty name."""
    if path.is_file():
        return {""}
    return {os.path.relpath(Path(at, name), path) for at, _, files in os.walk(path) for name in files}
