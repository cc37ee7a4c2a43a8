"""The docker target's own keys of `mlops.yaml`, read once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.providers.docker.names import project_name
from reconciler.providers.hosting.options import Options, read_common

_OWN: Mapping[str, set[str] | None] = {
    "gateway": {"image"},
    "docker": {"project", "host", "ready_seconds", "base_image"},
    "mode": None,
}
# Of Azure's own for inference: it has conda, and with that any Python that a model was logged with.
BASE_IMAGE = "mcr.microsoft.com/azureml/minimal-ubuntu22.04-py39-cpu-inference:latest"
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
        base_image: what the environment of an MLflow model is built on, where its deployment names no environment.
    """

    project: str
    common: Options = field(default_factory=Options)
    host: str = ""
    mode: str = "containers"
    base_image: str = BASE_IMAGE


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
    for name in ("host", "base_image"):
        if not isinstance(docker.get(name, ""), str):
            raise ProviderError(f"target option docker: {name}: {docker[name]!r} is no text")
    return DockerOptions(project, common, docker.get("host", ""), str(mode), docker.get("base_image") or BASE_IMAGE)
