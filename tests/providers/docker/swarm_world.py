"""A docker target in swarm mode, on a real engine that manages a swarm."""

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
        return list(self.api.services(filters=self._ours))

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that the swarm wants to run."""
        return [each for each in self.api.tasks(filters=self._ours) if each["DesiredState"] == "running"]

    def left(self) -> list[str]:
        """What the engine has of the target, whatever it is, but for what outlives deployments."""
        return [
            *(f"service {each['ID']}" for each in self.services()),
            *(f"container {each['Id']}" for each in self.api.containers(all=True, filters=self._ours)),
            *(f"config {each['ID']}" for each in self.api.configs(filters=self._ours)),
            *(f"secret {each['ID']}" for each in self.api.secrets(filters=self._ours)),
        ]

    @property
    def _ours(self) -> dict[str, list[str]]:
        return {"label": [f"mlops.project={self.project}"]}


__all__ = ["BLUE", "PROMPT", "SwarmWorld"]
