"""A docker target in a temporary folder, on a real engine under a project's name of its own."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docker import APIClient

from reconciler.core.address import Address
from reconciler.providers.docker import DockerProvider
from tests.hosted_world import ENDPOINT, Contents, HostedWorld, Load, answering, post

__all__ = ["BLUE", "ENDPOINT", "Contents", "Load", "World", "answering", "post"]

BLUE = Address.parse("deployment/credit/blue")


class World(HostedWorld):
    """A target whose deployments have an image in which nothing is to be installed, unless they say otherwise.

    Args:
        api: the engine, for what happens behind the target's back.
    """

    opens = DockerProvider

    def __init__(self, folder: Path, host: str, project: str, image: str, **options: Any) -> None:
        self._own = {"host": host, "project": project}
        super().__init__(folder, **self._with_own(options))
        self.api = APIClient(base_url=host, version="auto")
        self.project, self.image = project, image

    def switch(self, **options: Any) -> None:
        self.provider.close()
        super().switch(**self._with_own(options))

    def _with_own(self, options: dict[str, Any]) -> dict[str, Any]:
        return {**options, "docker": {**self._own, **options.get("docker", {})}}

    def deployment(self, script: str, **fields: Any) -> dict[str, Any]:
        return {**super().deployment(script), "environment": {"image": self.image}, **fields}

    def containers(self, address: Address = BLUE) -> Sequence[str]:
        """The containers of a deployment, whatever they do."""
        label = [f"mlops.project={self.project}", f"mlops.address={address}"]
        return [each["Id"] for each in self.api.containers(all=True, filters={"label": label})]

    def run_in(self, container: str, *command: str) -> str:
        """What a command in a container prints."""
        made = self.api.exec_create(container, list(command))["Id"]
        printed: bytes = self.api.exec_start(made)
        return printed.decode()

    def kill_process(self, container: str) -> None:
        """Kill what runs in a container, not through the engine, which takes that for an accident."""
        pid = self.api.inspect_container(container)["State"]["Pid"]
        assert pid, "it does not run"
        os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        self.provider.close()
        super().end()
        self.api.close()
