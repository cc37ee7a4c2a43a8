"""What all instances of one version of a deployment have in common, as plain values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath

from reconciler.core.manifest import Spec
from reconciler.providers.docker.limits import Limits


@dataclass(frozen=True)
class Route:
    """Where an instance answers: a port inside its container, and a path."""

    port: int
    path: str


@dataclass(frozen=True)
class Routes:
    """Where an instance says that it lives, that it is ready, and where it scores."""

    liveness: Route
    readiness: Route
    scoring: Route

    @property
    def ports(self) -> tuple[int, ...]:
        """Those that it listens on, in order and each once."""
        return tuple(sorted({self.liveness.port, self.readiness.port, self.scoring.port}))

    def published(self, ports: Mapping[int, int]) -> "Routes":
        """The routes as they are reached on 127.0.0.1, by the port of this machine of each port of the container."""
        return Routes(*(Route(ports[each.port], each.path) for each in (self.liveness, self.readiness, self.scoring)))


# Azure's inference server, and ours.
OWN_ROUTES = Routes(Route(5001, "/"), Route(5001, "/"), Route(5001, "/score"))


@dataclass(frozen=True)
class Image:
    """An image that is on the engine.

    Args:
        reference: what containers are made of.
        python: the interpreter that runs our scoring server in it, with all that it needs; empty for an image that
            brings a server of its own (BYOC).
        path: folders that come first in PATH, such as that of a conda environment.
    """

    reference: str
    python: str = ""
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mount:
    """A volume of content, read-only, and where instances find it."""

    volume: str
    target: PurePosixPath


@dataclass(frozen=True)
class Launch:
    """How an instance is started.

    Args:
        spec: of the deployment.
        image: what its container is made of.
        routes: where it answers.
        mounts: code, model and the scoring server.
        variables: its whole environment, in the clear.
        command: what it runs; empty for what the image says.
        folder: where it runs that.
        limits: what it may take.
    """

    spec: Spec
    image: Image
    routes: Routes = OWN_ROUTES
    mounts: tuple[Mount, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    command: tuple[str, ...] = ()
    folder: str = "/"
    limits: Limits = field(default_factory=Limits)


def routes_of(environment: Spec) -> Routes:
    """Where instances answer by an environment's `inference_config`; as our server does where it has none."""
    config = environment.get("inference_config")
    if not config:
        return OWN_ROUTES
    liveness, readiness, scoring = (
        Route(int(config[f"{name}_route"]["port"]), f"/{str(config[f'{name}_route']['path']).lstrip('/')}")
        for name in ("liveness", "readiness", "scoring")
    )
    return Routes(liveness, readiness, scoring)


def routes_text(routes: Routes) -> str:
    """Routes as the text of a label."""
    return json.dumps(asdict(routes), sort_keys=True)


def routes_from_text(text: str) -> Routes:
    """The routes that `routes_text` wrote.

    Raises:
        ValueError: it did not write them.
    """
    found = json.loads(text)
    try:
        return Routes(*(Route(**found[name]) for name in ("liveness", "readiness", "scoring")))
    except (LookupError, TypeError) as error:
        raise ValueError(f"{text!r} are no routes") from error
