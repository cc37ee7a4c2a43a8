"""Repositories whose target is docker: written, looked into from the engine's side, and ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from command_line import Repository, processes_of
from docker import DockerClient

from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes


def settings(host: str, project: str, *more: str) -> str:
    """The `mlops.yaml` of one docker target; `more` are further keys of it, a line each."""
    own = f"docker: {{project: {project}, host: '{host}'}}"
    return "\n    ".join(("manifests: manifests\ntargets:\n  dev:", "provider: docker", "default: true", own, *more, ""))


class OnEngine(Repository):
    """The files of every repository of these tests, on a docker target.

    Args:
        folder: where it is written.
        host: the engine's address.
        project: by which its things are known there.
        image: what its environment is made from.
    """

    def __init__(self, folder: Path, host: str, project: str, image: str) -> None:
        super().__init__(folder, settings(host, project))
        self.host, self.project = host, project
        self.edit("manifests/sklearn.yml", "mcr.microsoft.com/azureml/base:1", image)

    @property
    def layout(self) -> Layout:
        """The target's folder."""
        return Layout(self.folder / ".mlops" / "docker" / "dev")

    def containers(self, deployment: str = "") -> list[Any]:
        """The containers of instances, whether they run or not."""
        labels = [f"mlops.project={self.project}", "mlops.kind=instance"]
        labels += [f"mlops.address=deployment/credit/{deployment}"] if deployment else []
        with engine(self.host) as client:
            return client.containers.list(all=True, filters={"label": labels})

    def kill(self, deployment: str) -> None:
        """Kill the containers of a deployment as somebody with the docker command would."""
        for container in self.containers(deployment):
            container.kill()

    def things(self) -> dict[str, list[str]]:
        """The names of all that the engine has of the project, images aside."""
        ours = {"label": f"mlops.project={self.project}"}
        with engine(self.host) as client:
            found = {
                "containers": client.containers.list(all=True, filters=ours),
                "volumes": client.volumes.list(filters=ours),
                "networks": client.networks.list(filters=ours),
            }
        return {kind: [thing.name for thing in things] for kind, things in found.items()}

    def end(self) -> None:
        """End whatever runs on this machine for the target; what does not obey is killed."""
        try:
            Processes(self.layout).shutdown()
        finally:
            left = processes_of(self.folder)
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=5)
            self.layout.clear_sockets()


@contextmanager
def engine(host: str) -> Iterator[DockerClient]:
    """A client of an engine."""
    client = DockerClient(base_url=host, version="auto")
    try:
        yield client
    finally:
        client.close()
