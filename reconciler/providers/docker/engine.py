"""The Docker engine that a target talks to: found as the docker command finds it, its failures in one line."""

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ProviderError
from reconciler.providers.docker.failures import failure
from reconciler.providers.docker.finding import Endpoint, Tls, find

if TYPE_CHECKING:
    from docker import APIClient
    from docker.tls import TLSConfig

# Of engine 20.10, which what is asked of it was tried with.
OLDEST_API = (1, 41)
# As many threads may ask at once without a connection made for each call.
CONNECTIONS = 16
# An engine that is well says who it is within milliseconds.
FIRST_ANSWER_S = 15
# Between two signs of life in any later call: a busy engine takes long to commit or remove an image.
ANSWER_S = 300


class Engine:
    """A Docker engine; it is connected to when it is first asked something. Threads may share it.

    Args:
        host: its address, such as `unix:///var/run/docker.sock`; empty for what DOCKER_HOST or the context says.
        environment: of the operator, which says where the engine is and how to be trusted by it.
        first_answer_s: how long it may take to say who it is.
    """

    def __init__(
        self, host: str = "", *, environment: Mapping[str, str] = os.environ, first_answer_s: int = FIRST_ANSWER_S
    ) -> None:
        self._host, self._environment, self._first_answer_s = host, environment, first_answer_s
        self._connecting = threading.Lock()
        self._api: APIClient | None = None

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where the engine is, and what says so.

        Raises:
            ProviderError: it cannot be told, or is on another machine.
        """
        return find(self._host, self._environment, Path.home(), windows=sys.platform == "win32")

    @property
    def api(self) -> "APIClient":
        """The engine's API.

        Raises:
            ProviderError: there is no engine, it does not trust us, or it is too old; says what to do.
        """
        with self._connecting:
            if self._api is None:
                self._api = self._connected()
            return self._api

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what failed, in one line, where the engine refuses or is gone.

        Raises:
            ProviderError: it does; a TransientError where it is busy, or gone for a moment.
        """
        with self._explained(f"{what}: "):
            yield

    def close(self) -> None:
        """Let go of the connections; the next call makes new ones."""
        with self._connecting:
            if self._api is not None:
                self._api.close()
                self._api = None

    def _connected(self) -> "APIClient":
        with self._explained(""):
            version = self._spoken()
            if version < OLDEST_API:
                raise ProviderError(
                    f"the Docker engine at {self.endpoint.address} is too old: its API is {_dotted(version)}, and "
                    f"{_dotted(OLDEST_API)} is needed; update it to Docker 20.10 or newer"
                )
            return _client(self.endpoint, version, ANSWER_S)

    def _spoken(self) -> tuple[int, ...]:
        """The version of the engine's API; what any engine answers to, of whatever version."""
        from requests import JSONDecodeError  # noqa: PLC0415 - docker brings it

        first = _client(self.endpoint, OLDEST_API, self._first_answer_s)
        try:
            told = first.version(api_version=False)
            return tuple(int(part) for part in told["ApiVersion"].split("."))
        except (JSONDecodeError, LookupError, TypeError, ValueError) as error:
            raise ProviderError(
                f"what answers at {self.endpoint.address} ({self.endpoint.told_by}) is no Docker engine; "
                "say where one is in DOCKER_HOST or docker: host"
            ) from error
        finally:
            first.close()

    @contextmanager
    def _explained(self, prefix: str) -> Iterator[None]:
        import requests  # noqa: PLC0415 - docker brings it
        import urllib3  # noqa: PLC0415 - docker brings it
        from docker.errors import DockerException  # noqa: PLC0415 - 300 ms

        try:
            yield
        # What streams an answer lets urllib3's errors through.
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise failure(prefix, error, self.endpoint) from error


def _client(endpoint: Endpoint, version: tuple[int, ...], timeout_s: int) -> "APIClient":
    import docker  # noqa: PLC0415 - 300 ms
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - docker brings it

    client = docker.APIClient(
        base_url=endpoint.address,
        version=_dotted(version),
        timeout=timeout_s,
        tls=_tls_config(endpoint.tls) if endpoint.tls else False,
        max_pool_size=CONNECTIONS,
    )
    # Otherwise REQUESTS_CA_BUNDLE is trusted instead of the engine's own authority, and a proxy is asked for loopback.
    client.trust_env = False
    if endpoint.address.startswith(("tcp:", "http:", "https:")):
        for scheme in ("http://", "https://"):
            client.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
    return client


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _tls_config(tls: Tls) -> "TLSConfig":
    from docker.tls import TLSConfig  # noqa: PLC0415 - 300 ms

    return TLSConfig(client_cert=tls.client, ca_cert=str(tls.ca) if tls.ca else None, verify=tls.verify)
