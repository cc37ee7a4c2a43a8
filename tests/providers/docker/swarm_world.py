"""A docker target in swarm mode, on a real engine that manages a swarm."""

import re
from pathlib import Path
from typing import Any

from docker_world import BLUE, World

# An instance is in service once the engine has asked it for the first time, which is after a period.
PROMPT = {"initial_delay": 1, "period": 1, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}


class SwarmWorld(World):
    """A target whose deployments are services."""

    def __init__(self, folder: Path, host: str, project: str, image: str, **options: Any) -> None:
        super().__init__(folder, host, project, image, mode="swarm", **{"docker": {"ready_seconds": 60}, **options})

    def deployment(self, script: str, **fields: Any) -> dict[str, Any]:
        return super().deployment(script, **{"liveness_probe": PROMPT, **fields})

    def service(self) -> dict[str, Any]:
        """The service of the deployment blue, as the engine has it."""
        (found,) = self.services()
        return found

    def services(self) -> list[dict[str, Any]]:
        """Every service of the target."""
        return list(self.api.services(filters=self.ours()))

    def node(self) -> str:
        """The engine's own node."""
        return str(self.api.info()["Swarm"]["NodeID"])

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that the swarm wants to run."""
        return [each for each in self.api.tasks(filters=self.ours()) if each["DesiredState"] == "running"]

    def published(self) -> set[int]:
        """The ports at which tasks that run are reached."""
        found = [each["Status"] for each in self.tasks() if each["Status"]["State"] == "running"]
        return {status["PortStatus"]["Ports"][0]["PublishedPort"] for status in found}

    def routed(self) -> set[int]:
        """The ports that the gateway sends requests to, as its file of clusters has it."""
        clusters = (self.layout.gateway / "clusters.json").read_text()
        return set(map(int, re.findall(r'"port_value": ?(\d+)', clusters)))

    def left(self) -> list[str]:
        """What the engine has of the target, whatever it is, but for what outlives deployments."""
        return [
            *(f"service {each['ID']}" for each in self.services()),
            *(f"container {each['Id']}" for each in self.api.containers(all=True, filters=self.ours())),
            *(f"config {each['ID']}" for each in self.api.configs(filters=self.ours())),
            *(f"secret {each['ID']}" for each in self.api.secrets(filters=self.ours())),
        ]

    def ours(self, kind: str = "") -> dict[str, list[str]]:
        """The filter of the engine's lists that finds what the target has, of one kind or of all."""
        return {"label": [f"mlops.project={self.project}", *([f"mlops.kind={kind}"] if kind else [])]}


__all__ = ["BLUE", "PROMPT", "SwarmWorld"]
