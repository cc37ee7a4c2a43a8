"""The Docker engine that a target talks to: found as the docker command finds it, its failures in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from reconciler.errors import ProviderError

if TYPE_CHECKING:
    from docker import APIClient


class Engine:
    """A Docker engine; it is connected to when it is first asked something.

    Args:
        host: its address, such as `unix:///var/run/docker.sock`; empty for what DOCKER_HOST or the context says.
    """

    def __init__(self, host: str = "") -> None:
        self._host = host

    @cached_property
    def api(self) -> "APIClient":
        """The engine's API.

        Raises:
            ProviderError: there is no engine; says what to do.
        """
        import docker  # noqa: PLC0415 - 300 ms

        with self.doing("the engine cannot be reached"):
            if self._host:
                return docker.APIClient(base_url=self._host, version="auto")
            return docker.from_env(version="auto").api

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what failed, in one line, where the engine refuses or is gone.

        Raises:
            ProviderError: it does.
        """
        import requests  # noqa: PLC0415 - docker brings it
        from docker.errors import DockerException  # noqa: PLC0415 - 300 ms

        try:
            yield
        except (DockerException, requests.RequestException, OSError) as error:
            raise ProviderError(f"{what}: {error}") from error

    def close(self) -> None:
        """Let go of the connection."""
        if "api" in self.__dict__:
            self.api.close()
