"""Repositories whose target is docker: written, looked into from the engine's side, and ended."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from command_line import Ran, Repository
from docker import DockerClient
from docker.errors import APIError

from reconciler.providers.hosting.layout import Layout
from tests.ending import end_all
from tests.waiting import until

# It waits for a file that is made from outside.
WAITING = """import time
from pathlib import Path


def init():
    deadline = time.monotonic() + 150
    while not Path("/tmp/go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def run(raw_data):
    return "blue"
"""


def settings(project: str, more: str = "") -> str:
    """The `mlops.yaml` of one docker target, `more` being further keys of it; the engine is that of DOCKER_HOST."""
    keys = ", ".join(filter(None, ("provider: docker", "default: true", f"docker: {{project: {project}}}", more)))
    return f"manifests: manifests\ntargets:\n  dev: {{{keys}}}\n"


class OnEngine(Repository):
    """The files of every repository of these tests, on a docker target.

    Args:
        folder: where it is written.
        host: the engine's address.
        project: by which its things are known there.
        image: what its environment is made from.
    """

    def __init__(self, folder: Path, host: str, project: str, image: str) -> None:
        super().__init__(folder, settings(project))
        self.host, self.project, self.image = host, project, image
        self.edit("manifests/sklearn.yml", "mcr.microsoft.com/azureml/base:1", image)

    def mlops(self, *words: str, code: int = 0, below: str = "", **variables: str) -> Ran:
        """Run the command to its end; it finds the engine by DOCKER_HOST."""
        return super().mlops(*words, code=code, below=below, **{"DOCKER_HOST": self.host, **variables})

    def started(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the command and return while it runs."""
        return super().started(*words, **{"DOCKER_HOST": self.host, **variables})

    @property
    def layout(self) -> Layout:
        """The target's folder."""
        return Layout(self.folder / ".mlops" / "docker" / "dev")

    def containers(self, deployment: str = "") -> list[Any]:
        """The containers of instances, whether they run or not."""
        labels = [f"mlops.project={self.project}", "mlops.kind=instance"]
        labels += [f"mlops.address=deployment/credit/{deployment}"] if deployment else []
        with engine(self.host) as client:
            return client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)

    def kill(self, deployment: str) -> None:
        """Kill the containers of a deployment as somebody with the docker command would."""
        for container in self.containers(deployment):
            container.kill()

    def things(self) -> dict[str, list[str]]:
        """What the engine has of the project, by kind; images of environments are nobody's own, and stay."""
        ours = {"label": f"mlops.project={self.project}"}
        with engine(self.host) as client:
            found = {
                "containers": client.containers.list(all=True, filters=ours, ignore_removed=True),
                "volumes": client.volumes.list(filters=ours),
                "networks": client.networks.list(filters=ours),
                "images": client.images.list(filters=ours),
            }
        return {kind: [thing.id for thing in things] for kind, things in found.items()}

    def end(self) -> None:
        """End whatever runs on this machine for the target; what does not obey is killed."""
        end_all(self.folder, self.layout)


NOTHING: dict[str, list[str]] = {"containers": [], "volumes": [], "networks": [], "images": []}


@contextmanager
def engine(host: str) -> Iterator[DockerClient]:
    """A client of an engine."""
    client = DockerClient(base_url=host, version="auto")
    try:
        yield client
    finally:
        client.close()


@contextmanager
def begun(repo: OnEngine) -> "Iterator[subprocess.Popen[str]]":
    """An apply whose container runs and waits in init()."""
    repo.write("manifests/src/score.py", WAITING)
    with repo.started("apply", "--auto-approve") as process:
        try:
            until(lambda: any(container.status == "running" for container in repo.containers()))
            yield process
        finally:
            process.kill()


def let_go(repo: OnEngine) -> None:
    """Make the file that every container waits for."""
    with engine(repo.host) as client:
        for container in repo.containers():
            if container.status == "running":
                try:
                    client.containers.get(container.id).exec_run(["touch", "/tmp/go"])
                except APIError as error:
                    # One that a killed run left is ended by the next, which may come to it just now.
                    if error.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                        raise
