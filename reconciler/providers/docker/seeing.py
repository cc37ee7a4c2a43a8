"""The containers of instances as an engine lists them, in one call whatever their number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.address import Address
from reconciler.keeper.values import Exit, Status
from reconciler.providers.docker.containers import KIND, OURS
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.launch import Routes, routes_from_text
from reconciler.providers.docker.names import (
    ADDRESS,
    DIGEST,
    INSTANCE,
    LINEAGE,
    OPERATION,
    ROUTES,
    SERVER,
    Names,
    generation_of,
)
from reconciler.providers.docker.restarts import Restarts, exit_of

_LABELS = {ADDRESS, DIGEST, INSTANCE, LINEAGE, OPERATION, ROUTES, SERVER}
_ENDED = ("exited", "dead")


@dataclass(frozen=True)
class Container:
    """The container of an instance.

    Args:
        id: the engine's own name of it.
        instance: ours.
        lineage: the state that it was made for.
        generation: of the operation that made it.
        operation: the id of that operation.
        digest: which version of the deployment's spec it runs.
        state: the engine's word for what it does, such as `running`.
        created: seconds since the epoch.
        routes: where it answers on 127.0.0.1.
        ours: whether it runs our scoring server, not one of its image's own.
        ports: of the container, by the port of this machine that each is published at; none while it does not run.
    """

    id: str
    deployment: Address
    instance: str
    lineage: str
    generation: int
    operation: str
    digest: str
    state: str
    created: float
    routes: Routes
    ours: bool
    ports: Mapping[int, int] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether it is up."""
        return self.state == "running"

    @property
    def over(self) -> bool:
        """Whether it has ended, and the engine does not start it again by itself."""
        return self.state in _ENDED

    def port_inside(self, published: int) -> int:
        """The port of the container that is published at one of this machine; that one where it is not known."""
        return self.ports.get(published, published)


def containers(engine: Engine, names: Names, deployment: Address | None = None) -> list[Container]:
    """The containers of all instances of a project, or of one deployment, whatever they do.

    Raises:
        ProviderError: the engine does not answer.
    """
    wanted = names.filter(KIND)
    if deployment:
        wanted["label"].append(f"{ADDRESS}={deployment}")
    with engine.doing("the engine's containers cannot be listed"):
        found = engine.api.containers(all=True, filters=wanted)
    return [each for each in map(_container, found) if each]


def statuses(
    engine: Engine, found: Iterable[Container], restarts: Mapping[str, Restarts], serving: frozenset[str]
) -> dict[str, Status]:
    """How each of some containers does, by instance; those that have ended are asked for how."""
    return {each.instance: _status(engine, each, restarts.get(each.instance), serving) for each in found}


def _status(engine: Engine, each: Container, counted: Restarts | None, serving: frozenset[str]) -> Status:
    ended = _end_of(engine, each) if each.state in _ENDED else None
    return Status(
        each.instance,
        pid=None,
        started_at=each.created,
        running=each.running,
        trial=each.instance not in serving,
        restarts=counted.restarts if counted else 0,
        last_exit=ended or (counted.last_exit if counted else None),
        log="",
    )


def _end_of(engine: Engine, each: Container) -> Exit | None:
    """How a container ended; None where it is gone by now."""
    from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

    with engine.doing(f"container {each.id[:12]} cannot be inspected"):
        try:
            state = engine.api.inspect_container(each.id)["State"]
        except NotFound:
            return None
    cause = "it needed more memory than its limit" if state.get("OOMKilled") else str(state.get("Error") or "")
    return exit_of(int(state["ExitCode"]), cause)


def _container(found: Mapping[str, Any]) -> Container | None:
    """One of a list; None for what somebody else gave our labels, or some of them: that is not ours.

    The warden's log tells which containers have labels that say nothing; here they would be told with every command.
    """
    labels = found["Labels"]
    if not labels.keys() >= _LABELS:
        return None
    try:
        deployment, routes = Address.parse(labels[ADDRESS]), routes_from_text(labels[ROUTES])
    except ValueError:
        return None
    return Container(
        str(found["Id"]),
        deployment,
        labels[INSTANCE],
        labels[LINEAGE],
        generation_of(labels),
        labels[OPERATION],
        labels[DIGEST],
        str(found["State"]),
        float(found["Created"]),
        routes,
        labels[SERVER] == OURS,
        {each["PublicPort"]: each["PrivatePort"] for each in found.get("Ports") or () if "PublicPort" in each},
    )
