"""The docker target's own keys of `mlops.yaml`, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.providers.docker.names import project_name
from reconciler.providers.hosting.options import Options, read_common

_OWN: Mapping[str, set[str] | None] = {"docker": {"project", "host", "ready_seconds"}, "mode": None}
_MODES = ("containers", "swarm")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class DockerOptions:
    """What a docker target may choose.

    Args:
        project: by which its things are known on the engine.
        common: what every target on this machine may choose.
        host: the engine's address; empty for what DOCKER_HOST or the docker command's context says.
        mode: `containers`, or `swarm` for services of the engine's own cluster.
    """

    project: str
    common: Options = field(default_factory=Options)
    host: str = ""
    mode: str = "containers"


def read_options(options: Mapping[str, Any], root: Path, target: str) -> DockerOptions:
    """Read the options; paths are relative to `root`.

    Raises:
        ProviderError: an option is not known, or is not what it should be.
    """
    common, own = read_common("docker", options, root, _OWN)
    docker, mode = own["docker"], options.get("mode", "containers")
    project = docker.get("project") or project_name(root.absolute().name, target)
    if not isinstance(project, str) or not _PROJECT.fullmatch(project):
        raise ProviderError(
            f"target option docker: project: {project!r} is no name; write small letters, digits and dashes, 40 at most"
        )
    if mode not in _MODES:
        raise ProviderError(f"target option mode: {mode!r} is neither containers nor swarm")
    return DockerOptions(project, common, str(docker.get("host", "")), str(mode))
