"""One world a provider: how it is opened, what a deployment of it looks like, how it is ended."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reconciler.core.address import Address
from reconciler.providers.docker import DockerProvider
from reconciler.providers.local import LocalProvider
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Provider, Setting
from tests.builders import deployment, endpoint

SCORE = "import json\n\ndef init():\n    pass\n\ndef run(raw_data):\n    return json.loads(raw_data)\n"


class World:
    """A target of one provider in a folder of its own; it is also where the provider finds content."""

    name: ClassVar[str]
    endpoint = Address.parse("endpoint/credit")
    blue = Address.parse("deployment/credit/blue")
    green = Address.parse("deployment/credit/green")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.setting = Setting("test", folder / "target", self, {}, folder)
        self.provider = self.open()

    def open(self) -> Provider:
        raise NotImplementedError

    def open_again(self) -> Provider | None:
        return self.open()

    def path(self, digest: str) -> Path:
        """The stored content of a digest."""
        return self.folder / "content" / digest.replace(":", "-")

    def holds(self, digest: str) -> bool:
        """Whether it is stored."""
        return self.path(digest).exists()

    def endpoint_spec(self, **fields: Any) -> dict[str, Any]:
        return dict(endpoint(**fields).spec)

    def deployment_spec(self, **fields: Any) -> dict[str, Any]:
        return dict(deployment("blue", **fields).spec)

    def end(self) -> None:
        self.provider.close()

    @classmethod
    def of(cls, folder: Path, _request: pytest.FixtureRequest) -> "World":
        """A world with what it needs of the tests' fixtures."""
        return cls(folder)


class MemoryWorld(World):
    """Objects of this process."""

    name = "memory"

    def open(self) -> Provider:
        return MemoryProvider()

    def open_again(self) -> Provider | None:
        return None


class MemoryFileWorld(World):
    """Objects in a file."""

    name = "memory-file"

    def open(self) -> Provider:
        return MemoryProvider(self.folder / "objects.json")


class HostedWorld(World):
    """Real instances behind a real proxy."""

    def deployment_spec(self, **fields: Any) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(SCORE.encode()).hexdigest()}"
        code = self.path(digest)
        code.mkdir(parents=True, exist_ok=True)
        (code / "score.py").write_text(SCORE)
        spec = super().deployment_spec(**fields)
        return {**spec, "code_configuration": {"code": {"name": "src", "digest": digest}, "scoring_script": "score.py"}}

    def end(self) -> None:
        """Take away whatever a test left behind, deployments first."""
        from tests.conformance.ending import delete_everything  # noqa: PLC0415 - needs Caller's shape only here

        delete_everything(self.provider)
        super().end()


class LocalWorld(HostedWorld):
    """Instances that are processes."""

    name = "local"

    def open(self) -> Provider:
        return LocalProvider.open(self.setting)


class DockerWorld(HostedWorld):
    """Instances that are containers of a real engine, known there by a project of their own."""

    name = "docker"

    def __init__(self, folder: Path, *, host: str, project: str, image: str, mode: str = "containers") -> None:
        self._options = {"docker": {"host": host, "project": project}, "mode": mode}
        self._image = image
        super().__init__(folder)

    @classmethod
    def of(cls, folder: Path, request: pytest.FixtureRequest) -> World:
        host, project, image = map(request.getfixturevalue, ("engine_host", "project", "serving_image"))
        return cls(folder, host=host, project=project, image=image)

    def open(self) -> Provider:
        return DockerProvider.open(replace(self.setting, options=self._options))

    def deployment_spec(self, **fields: Any) -> dict[str, Any]:
        return super().deployment_spec(environment={"image": self._image}, **fields)


class SwarmWorld(DockerWorld):
    """Instances that are tasks of a real swarm."""

    name = "docker-swarm"

    def __init__(self, folder: Path, *, host: str, project: str, image: str) -> None:
        super().__init__(folder, host=host, project=project, image=image, mode="swarm")

    @classmethod
    def of(cls, folder: Path, request: pytest.FixtureRequest) -> World:
        request.getfixturevalue("swarm_host")
        return super().of(folder, request)

    def deployment_spec(self, **fields: Any) -> dict[str, Any]:
        # The swarm takes an instance for ready when it was first asked, which is after a period.
        probe = {"initial_delay": 1, "period": 1, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}
        return super().deployment_spec(liveness_probe=probe, **fields)
