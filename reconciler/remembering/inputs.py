"""Everything that a plan hangs on, in one place.

What is named here decides where a plan is kept (`place_of`), or is compared with what it was (`Inputs`, and what
manifests lead to, see `load.looked`). The code itself is what the file of the cache is named after. What cannot be
told apart so is not remembered at all (`is_usual`). Policies over plans and whoever holds the lock are looked at each
time.
"""

# Paths are text here: as Path objects they cost more than all else that is done with them.
# ruff: noqa: PTH100, PTH109, PTH116, PTH118

import hashlib
import hmac
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, field
from types import ModuleType
from typing import Any

from reconciler.apply import InTime
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.folder import bounds_of
from reconciler.load.place import Bounds
from reconciler.load.sets.manifest_set import manifest_set
from reconciler.load.sets.members import ManifestSet
from reconciler.providers.provider import Renewing
from reconciler.providers.rooted import Rooted
from reconciler.record.root import Root
from reconciler.remembering.glance import left_over
from reconciler.remembering.wholeness import facts_of_record
from reconciler.wishes import Wish, paths_of
from reconciler.workspace import Workspace

# What may be asked for of a plan that is remembered, or has no part in one that finds nothing to do.
_USUAL = frozenset(
    {"paths", "variables", "overrides", "max_delete", "allow_empty", "policies", "blame", "cached", "git"}
)
_NOTHING_ELSE = Wish()
_OURS = __name__.partition(".")[0]
_CODE = (".py", ".so", ".json")
_NAMES = frozenset({"name", "endpoint_name", "version"})


@dataclass(frozen=True)
class Inputs:
    """What is compared, known by digest before anything is opened.

    Args:
        files: the YAML files of the folder.
        record: what is recorded.
        live: what is live.
        lying: what the disk says of the record's files.
        bounds: what the files may reach.
        eyes: with which the live side is looked at.
    """

    files: ManifestSet
    record: Root
    live: str
    lying: str = field(compare=False)
    bounds: Bounds = field(compare=False)
    eyes: InTime = field(compare=False)

    def told(self) -> dict[str, Any]:
        """The inputs as they are kept."""
        return {"files": self.files.id, "record": asdict(self.record), "live": self.live}


def is_usual(workspace: Workspace, wish: Wish) -> bool:
    """Whether a plan of a whole folder is asked for, of a target that is known by digests, and nothing else."""
    other = (name for name in vars(wish) if name not in _USUAL)
    if any(getattr(wish, name) != getattr(_NOTHING_ELSE, name) for name in other) or workspace.target.require_clean:
        return False
    provider, paths = workspace.provider, paths_of(workspace.config, wish)
    known = isinstance(provider, Rooted) and not isinstance(provider, Renewing)
    return known and wish.cached and workspace.cache is not None and len(paths) == 1


def may_be_in_parts(workspace: Workspace, wish: Wish) -> bool:
    """Whether nothing is asked for that reaches further than what hangs together, as another name does."""
    overrides = (*workspace.target.overrides, *wish.overrides)
    return not (workspace.target.policy_fields or any(each.path in _NAMES for each in overrides))


def inputs_of(workspace: Workspace, wish: Wish, eyes: InTime, index: StatIndex) -> Inputs | None:
    """What is compared, as it is now; None where the folder is none, or where operations are under way."""
    lying, record, (path,) = facts_of_record(workspace), workspace.store.root(), paths_of(workspace.config, wish)
    top = os.path.abspath(path)
    left = None if workspace.start else left_over(top, git=wish.git)
    if isinstance(left, ManifestSet):
        files: ManifestSet | None = left
    else:
        files = manifest_set(path, index, start=workspace.start, git=wish.git, listed=left)
    if record.open or files is None:
        return None
    return Inputs(files, record, eyes.root(), lying, bounds_of(path, top, workspace.start), eyes)


def place_of(workspace: Workspace, wish: Wish, besides: Sequence[Problem], lineage: str, key: bytes) -> str:
    """Where plans are kept that were asked for in the same way, of the same target, with the same settings.

    Values that may be secret are in it under the key of the record's secrets alone.

    Args:
        workspace: the target.
        wish: what is asked for.
        besides: what is wrong with other files than the manifests.
        lineage: the identity of the record.
        key: of the record's secrets.
    """
    config, (path,) = workspace.config, paths_of(workspace.config, wish)
    top = os.path.abspath(path)
    parts = [
        (os.getcwd(), workspace.start, path, top, vars(bounds_of(path, top, workspace.start))),
        (str(config.root), config.file, config.manifests, vars(workspace.target)),
        (sorted(wish.variables.items()), wish.overrides, wish.allow_empty, tuple(besides)),
        (lineage, code_of(type(workspace.provider))),
    ]
    return sealed(key, repr(parts))


def sealed(key: bytes, text: str) -> str:
    """A digest of a text that nobody can make without the key of the record's secrets."""
    return hmac.new(key, b"look " + text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def secrets_now(names: Iterable[str], environ: Mapping[str, str], key: bytes) -> dict[str, str]:
    """By variable, a keyed digest of the value that it has now."""
    return {name: sealed(key, f"{name}={environ.get(name, '')}") for name in sorted(names)}


def code_of(provider: type) -> tuple[str, str, tuple[tuple[str, int, int], ...]]:
    """What changes with a provider's code: ours is in the tool's version; another's may lie anywhere, in many files."""
    package = sys.modules.get(provider.__module__.partition(".")[0])
    files = () if package is None or package.__name__ == _OURS else tuple(sorted(_code_files(package)))
    return provider.__module__, provider.__qualname__, files


def _code_files(package: ModuleType) -> Iterator[tuple[str, int, int]]:
    """The files of a package, or the one of a module, each with its size and time."""
    alone = getattr(package, "__file__", None)
    if not hasattr(package, "__path__") and alone:
        yield _facts(alone)
    for top in getattr(package, "__path__", ()):
        for folder, _, names in os.walk(top):
            yield from (_facts(os.path.join(folder, name)) for name in names if name.endswith(_CODE))


def _facts(file: str) -> tuple[str, int, int]:
    found = os.stat(file)
    return file, found.st_size, found.st_mtime_ns
