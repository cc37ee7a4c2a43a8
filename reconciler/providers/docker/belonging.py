"""What a target's files are of: a project on an engine, run in one mode; and what is told where that has changed."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reconciler.core.manifest import Resource
from reconciler.core.problem import Problem
from reconciler.errors import ProviderError
from reconciler.gateway.files import write_private


@dataclass(frozen=True)
class Belonging:
    """What the objects in a target's folder are of.

    Args:
        project: whose instances they are on the engine.
        mode: as what these run, `containers` or `swarm`; empty where nothing tells.
        restored: whether the files were read from the engine, and no operation was let in since. They may be of
            another state then, whose project this target was given by mistake.
    """

    project: str
    mode: str
    restored: bool = False


def read_belonging(folder: Path) -> Belonging | None:
    """What was written down last; None where nothing was."""
    try:
        return Belonging(**json.loads(_file(folder).read_bytes()))
    except FileNotFoundError:
        return None


def keep_belonging(folder: Path, belonging: Belonging) -> None:
    """Write it down, unless it is so already."""
    if read_belonging(folder) != belonging:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(_file(folder), json.dumps(asdict(belonging)).encode())


def forget_belonging(folder: Path) -> None:
    """Say nothing any more."""
    _file(folder).unlink(missing_ok=True)


def moved(former: Belonging, now: Belonging) -> str:
    """What is wrong where a target that holds objects was given another project or mode; empty where it was not."""
    if former.mode and former.mode != now.mode:
        return (
            f"what this target holds runs in mode: {former.mode}; set mode: {former.mode} again and run "
            f"`mlops destroy` first, or make a target of another name with mode: {now.mode}"
        )
    if former.project != now.project:
        return (
            f"what this target holds runs in `docker: project: {former.project}`; set that in the target again, and "
            "run `mlops destroy` first if it is to move"
        )
    return ""


def to_moved(resources: Sequence[Resource], told: str) -> Iterator[Problem]:
    """The objection to a target that was given another project or mode, once."""
    if told:
        for resource in resources[:1]:
            yield resource.manifest.problem("", "E-UNSUPPORTED", told)


def refuse_others(project: str, lineages: Collection[str], lineage: str) -> None:
    """Let nobody change anything in a project that another state has made.

    Raises:
        ProviderError: one has.
    """
    others = sorted(set(lineages) - {lineage, ""})
    if others:
        raise ProviderError(
            f"project {project} on this engine belongs to another state (lineage {', '.join(others)}), so nothing was "
            "touched; set `docker: project` of the target to another name, or bring back its state "
            "(`mlops state rebuild` if it is lost)"
        )


def _file(folder: Path) -> Path:
    return folder / "belongs.json"
