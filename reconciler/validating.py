"""validate(): everything that is wrong with the files by themselves."""

from pathlib import Path

from reconciler.core.problem import Problem
from reconciler.core.state import State
from reconciler.errors import RefusedError
from reconciler.judging import mistakes
from reconciler.load import Loaded, load_all
from reconciler.load.repository.private import refuse_tracked
from reconciler.load.settings.config import CACHE, Config, read_config
from reconciler.preflight import problems_of
from reconciler.resolve import resolve
from reconciler.wishes import Wish, options_of, paths_of


def validate(wish: Wish, target: str | None, *, start: Path | None = None) -> tuple[Loaded, tuple[Problem, ...]]:
    """Every problem of the files by themselves; no platform and no record is asked, nothing of theirs is run.

    A single file may name what lies elsewhere, so only a folder is checked for names that lead nowhere.

    Args:
        wish: what to check.
        target: whose settings count; None for the default one.
        start: the folder where the user stands; by default the current one.
    """
    config = read_config(start or Path.cwd())
    options = options_of(config.target(target), wish, cache=_cache(config, wish), start=str(start or ""))
    loaded = load_all(paths_of(config, wish), options)
    whole = not loaded.alone
    resolved = resolve(loaded.manifests, State(), secret_key=b"", linked=whole, blind=True)
    broken = [manifest for manifest in loaded.manifests if not manifest.valid]
    found = problems_of(resolved.resources, broken, () if whole else None, pinned=config.target(target).pinned)
    told = mistakes(config.root, wish.policies, cached=wish.cached)
    return loaded, tuple(sorted({*loaded.problems, *resolved.problems, *found, *told}))


def _cache(config: Config, wish: Wish) -> Path | None:
    """Where what is known of files is kept; None where nothing is kept yet, or where it came with the repository."""
    cache = config.root / CACHE
    if not wish.cached or not cache.is_dir():
        return None
    try:
        refuse_tracked(str(config.root))
    except RefusedError:
        return None
    return cache
