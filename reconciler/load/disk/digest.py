"""The digest of an asset: SHA-256 over names and bytes of every file that counts, as Azure's own hash has it."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from reconciler.core.contents import digest_of_files
from reconciler.load.disk.listed import content_below, facts_of, numbers_of
from reconciler.load.disk.stat_index import Files, Hash, StatIndex
from reconciler.record.files import open_regular
from reconciler.record.together import each, threads_for

CONTENT = "content"
_LARGE_BYTES = 1 << 20


def content_digest(path: Path) -> str:
    """The digest of a file or a folder; equal content under another name has an equal digest.

    Raises:
        OSError: a file cannot be read.
    """
    files = list(content_files(path)) if path.is_dir() else [("", path)]
    sizes = [file.stat().st_size for _, file in files]
    digests = each(_sha256, [file for _, file in files], threads=threads_for(sizes))
    return digest_of_files(zip((name for name, _ in files), digests, strict=True))


def content_known(path: Path, index: StatIndex) -> str:
    """The same digest; of what is large, no file is read that looks as it did when it was.

    Raises:
        OSError: a file cannot be read.
    """
    files = facts_at(path)
    if sum(numbers_of(facts)[0] for _, facts in files) < _LARGE_BYTES:
        return content_digest(path)  # To read it costs less than to ask what is known.
    digests = index.digests(CONTENT, {str(path): files}, sha256_begun)[str(path)].of
    return digest_of_files((name, digests[name]) for name, _ in files)


def sha256_begun(_: int) -> Hash:
    """The digest of one file, of whatever size, before it is read."""
    return hashlib.sha256()


def content_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder that count, sorted by relative name; ignored ones are left out, links are followed."""
    yield from sorted((name, Path(entry.path)) for name, entry in _counting(folder) if entry.is_file())


def links_of(folder: Path) -> Iterator[tuple[str, str]]:
    """The links in a folder that count, and those behind them: relative name, and where each leads.

    Each is told before it is followed, so that whoever stops at one that leads out has seen nothing of what is there.
    """
    yield from ((name, os.path.realpath(entry.path)) for name, entry in _counting(folder) if entry.is_symlink())


def facts_at(path: Path) -> Files:
    """What the disk says of a file, or of those of a folder that count, sorted by relative name.

    Raises:
        OSError: it cannot say.
    """
    if not path.is_dir():
        return [("", facts_of(path.stat()))]
    return sorted((name, facts_of(entry.stat())) for name, entry in _counting(path) if entry.is_file())


def _counting(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The files and links of a folder that count."""
    from reconciler.load.disk.ignore import ignored_in  # noqa: PLC0415 - only who reads a folder needs it

    return content_below(str(folder), ignored_in(folder))


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
