"""Another revision of the repository that one stands in: its settings, and where in it the same paths are."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from reconciler.errors import ManifestError
from reconciler.load.disk.roots import CONFIG, git_root
from reconciler.load.settings.config import Config, Target, read_config


def at_revision(
    revision: str, config: Config, target: Target, paths: tuple[str, ...], *, cached: bool = True
) -> tuple[Target, tuple[str, ...]]:
    """A target as the settings of a revision have it, and the same paths there; without any, all that they name.

    Args:
        revision: as git names it.
        config: the settings of now.
        target: as they have it.
        paths: below the current folder, or REV:PATH.
        cached: as for `load.repository.revision.laid_out`.

    Raises:
        ManifestError: there is no such revision, or no such path in it.
    """
    from reconciler.load.repository.revision import laid_out  # noqa: PLC0415  # only files of a revision need it

    there = Path(laid_out(revision, ".", start=str(config.root), cached=cached))
    here = Path(git_root(str(config.root)) or config.root)
    settings = _settings(there / config.root.relative_to(here), there, config)
    inner = [_in_repository(path, here) for path in paths]
    inner = inner or [os.path.relpath(settings.root / settings.manifests, there)]
    return settings.targets.get(target.name, target), tuple(f"{revision}:{path}" for path in inner)


def _in_repository(path: str, here: Path) -> str:
    """A PATH from the repository's root, as that of REV:PATH counts from there already."""
    revision, _, inner = path.partition(":")
    return inner if inner and revision and not Path(path).exists() else os.path.relpath(path, here)


def _settings(folder: Path, root: Path, config: Config) -> Config:
    """Those of the folder of a revision; where it has none, or wrong ones, those of now."""
    if os.path.lexists(folder / CONFIG):
        with suppress(ManifestError):
            return read_config(folder, within=str(root))
    return replace(config, root=folder)
