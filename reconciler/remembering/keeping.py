"""What a plan said that found nothing to do is kept for a glance, where it is of the plainest case; see `glance`."""

# Paths are text there.
# ruff: noqa: PTH100

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from reconciler.errors import MlopsError
from reconciler.load.disk.named import seen_at
from reconciler.load.disk.roots import CONFIG
from reconciler.load.disk.stat_index import Files, StatIndex
from reconciler.load.sets.manifest_set import is_worth_git
from reconciler.load.sets.on_disk import on_disk
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.memory_file import root_of
from reconciler.record.opening import open_store, state_file
from reconciler.record.sqlite import files_of
from reconciler.remembering.glance import keep
from reconciler.remembering.scene import MOST_FILES, Scene
from reconciler.wishes import Planned, Wish, paths_of
from reconciler.workspace import Workspace


def keep_glance(
    workspace: Workspace,
    wish: Wish,
    planned: Planned,
    text: Callable[[Planned], str],
    *,
    target: str | None,
    began_ns: int,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Keep what a plan says that was made from the command line.

    Args:
        workspace: the target.
        wish: what was asked for.
        planned: what came of it.
        text: what it says.
        target: as it was named.
        began_ns: when the command began.
        environ: in which it ran.
    """
    scene = _scene(workspace, wish) if _is_plain(wish) and _finds_nothing(planned) else None
    if scene:
        asked = target, wish.paths[0] if wish.paths else None, "git" if wish.git else ""
        settings = str(workspace.config.root / CONFIG)
        aside = "\n".join(map(str, planned.warnings))
        keep(
            scene,
            settings,
            asked,
            (text(planned), aside),
            environ=environ,
            began_ns=min(began_ns, time.time_ns()),  # clocks go back
            is_as_seen=partial(_is_as_seen, workspace, scene),
        )


def _is_plain(wish: Wish) -> bool:
    """Whether nothing is asked for but a folder, and what makes no difference where nothing is to be done."""
    return wish == Wish(wish.paths, blame=wish.blame, git=wish.git)


def _finds_nothing(planned: Planned) -> bool:
    """Whether there is nothing to say but that, and nobody to be named who is at work."""
    return planned == Planned(planned.plan, planned.warnings, passed_over=planned.passed_over) and not (
        planned.plan.steps or planned.plan.recovery or planned.plan.holder is not None
    )


def _is_as_seen(workspace: Workspace, scene: Scene, files: Files) -> bool:
    """Whether what lies there now is what the plan was made of: these manifests, what they lead to, and both sides."""
    seen, index, target = workspace.seen, StatIndex(workspace.cache), workspace.target
    if seen is None or not (scene.files or on_disk(scene.top, seen.bounds, index, files).set.id == seen.files):
        return False
    found = {place: each.everything for place, each in seen_at(seen.places, index, seen.bounds).items()}
    if found != {place: was for place, was in seen.places.items() if was}:
        return False
    try:
        # Opened anew, as the store at hand may be of a file that was moved away.
        with closing(open_store(target.state, root=workspace.config.root, target=target.name)) as store:
            return store.root() == seen.record and root_of(Path(scene.live)) == seen.live
    except MlopsError:
        return False  # The next plan says what is wrong.


def _scene(workspace: Workspace, wish: Wish) -> Scene | None:
    """Where all lies; None where it does not lie in files that the disk tells of."""
    target, options = workspace.target, workspace.target.options
    record = state_file(target.state, workspace.config.root)
    if workspace.seen is None or record is None or type(workspace.provider) is not MemoryProvider:
        return None
    if not options.get("file"):
        return None
    seen, root = workspace.seen, workspace.config.root
    live, (path,) = root / str(options["file"]), paths_of(workspace.config, wish)
    places = [f"{'+' if was else '-'}{place}" for place, was in seen.places.items()]
    are_many = seen.count > MOST_FILES or (wish.git and is_worth_git(seen.bounds.base))
    return Scene(
        map(str, files_of(record.absolute(), target.name)),
        str(live),
        os.path.abspath(path),
        seen.bounds.base,
        seen.bounds.root,
        seen.files if are_many else "",
        os.path.abspath(root / workspace.config.manifests),
        places=places,
    )
