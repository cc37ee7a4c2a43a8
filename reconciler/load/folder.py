"""A PATH becomes the files to read: a folder's YAML files, one file, or those of REV:PATH."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH100, PTH109, PTH110, PTH112, PTH113, PTH114, PTH117, PTH118, PTH119, PTH120

import os
from collections.abc import Collection, Iterator

from reconciler.core.address import Address
from reconciler.core.problem import Problem
from reconciler.errors import ManifestError
from reconciler.frozen import dataclass
from reconciler.load.disk.listed import is_entered, is_read
from reconciler.load.disk.roots import git_root
from reconciler.load.place import Bounds, Here, inside


@dataclass(frozen=True)
class Located:
    """What a PATH stands for.

    Args:
        files: the YAML files, sorted.
        alone: whether the PATH is one file.
        bounds: what the files may reach.
        links_out: files that are links to somewhere outside.
    """

    files: tuple[Here, ...]
    alone: bool
    bounds: Bounds
    links_out: tuple[tuple[Here, str], ...] = ()


def located(path: str, start: str = "", *, only: Collection[str] | None = None, cached: bool = True) -> Located:
    """Find the files of a PATH; something on disk wins over a revision of the same spelling.

    Args:
        path: relative to the current folder, or absolute.
        start: the folder where the user stands, if that is not the current one; a revision is of its repository.
        only: the names below a folder that are meant; None for all that there are.
        cached: as for `load.repository.revision.laid_out`.

    Raises:
        ManifestError: there is no such thing.
    """
    if os.path.exists(path):
        top = os.path.abspath(path)
        if not (os.path.isdir(top) or os.path.isfile(top)):
            raise ManifestError([Problem(path, 1, 1, "E-PATH", f"{path} is neither a file nor a folder")])
        return _place(top, bounds_of(path, top, start), given=path, only=only)
    revision, colon, inner = path.partition(":")
    if not colon or not revision:
        message = f"{path} is not there; name a folder, a file or REV:PATH{_by_address(path)}"
        raise ManifestError([Problem(path, 1, 1, "E-PATH", message)])
    from reconciler.load.repository.revision import laid_out  # noqa: PLC0415  # only files of a revision need it

    root = laid_out(revision, inner, start=start, cached=cached)
    shown = f"{revision}:"
    top = os.path.normpath(os.path.join(root, inner))
    return _place(top, Bounds(_base(top), os.path.realpath(root), shown), given="")


def _by_address(path: str) -> str:
    try:
        return f", or an address with --only {Address.parse(path)}"
    except ValueError:
        return ""


def bounds_of(path: str, top: str, start: str) -> Bounds:
    """What the files of a PATH on disk may reach.

    Args:
        path: as it was given.
        top: absolute.
        start: the folder where the user stands, if that is not the current one.
    """
    root = git_root(top)
    return Bounds(_base(top), os.path.realpath(root) if root else "", relative=not os.path.isabs(path), start=start)


def _base(top: str) -> str:
    return os.path.realpath(top if os.path.isdir(top) else os.path.dirname(top))


def _place(top: str, bounds: Bounds, *, given: str, only: Collection[str] | None = None) -> Located:
    if not os.path.isdir(top):
        shown = _as_given(top, given, bounds)
        return Located((Here(top, os.path.basename(top), shown),), alone=True, bounds=bounds)
    found = sorted(_yaml_below(top, "") if only is None else _named_below(top, only))
    start = _as_given(top, given, bounds)
    prefix = "" if os.path.normpath(start) == "." else start.rstrip("/") + "/" if not start.endswith(":") else start
    files, out = [], []
    for relative, path, link in found:
        here = Here(path, relative, prefix + relative)
        real = os.path.realpath(path) if link else ""
        if link and not bounds.holds(real):
            out.append((here, real))
        else:
            files.append(here)
    return Located(tuple(files), alone=False, bounds=bounds, links_out=tuple(out))


def _as_given(top: str, given: str, bounds: Bounds) -> str:
    """Relative to the current folder when below it, else as the user wrote it."""
    if not given:
        shown = bounds.shown(os.path.realpath(top))
        return shown.removesuffix(".") if shown.endswith(":.") else shown
    here = os.getcwd()
    return os.path.relpath(top, here) if inside(top, here) else os.path.normpath(given)


def _yaml_below(folder: str, prefix: str) -> Iterator[tuple[str, str, bool]]:
    """Relative name, path, and whether it is a link, of every YAML file below a folder; hidden ones are not entered."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if is_entered(name):
                    yield from _yaml_below(entry.path, f"{prefix}{name}/")
            elif is_read(name, at_top=not prefix) and _is_file(entry):
                yield prefix + name, entry.path, entry.is_symlink()


def _named_below(folder: str, names: Collection[str]) -> Iterator[tuple[str, str, bool]]:
    """The same of files whose names are known."""
    for name in names:
        path = os.path.join(folder, name)
        yield name, path, os.path.islink(path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is to be read; of a link that leads nowhere, or to itself, that says why it cannot be."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:
        return True
