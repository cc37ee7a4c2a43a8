"""A Docker Swarm as it is seen: the services and tasks of a project, in one list each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.errors import ProviderError
from reconciler.providers.docker.containers import LOOPBACK
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import ADDRESS, Names
from reconciler.providers.docker.swarm_services import KIND, NODE
from reconciler.providers.docker.swarm_tasks import Look, Service, Task, labels_of, service_of, task_of

_OUT_OF_SEQUENCE = "out of sequence"
_TRIES = 10


@dataclass(frozen=True)
class Swarm:
    """The swarm that an engine manages."""

    engine: Engine
    names: Names

    @property
    def api(self) -> Any:
        """The engine's API; the SDK's stubs leave most of what is a swarm's untyped."""
        return self.engine.api

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Say what failed, in one line, where the swarm refuses or there is none.

        Raises:
            ProviderError: it does.
        """
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        with self.engine.doing(what):
            try:
                yield
            except APIError as error:
                if "swarm manager" not in str(error.explanation):
                    raise
                raise ProviderError(
                    f"{what}: the engine manages no swarm; make it one with `docker swarm init --advertise-addr "
                    "127.0.0.1`, name an engine that does in `docker: {host: ...}`, or leave out `mode: swarm`"
                ) from error

    def look(self) -> Look:
        """Look at the project's services and tasks.

        Raises:
            ProviderError: the engine manages no swarm.
        """
        with self.doing("the swarm's services cannot be listed"):
            services = [service_of(each) for each in self.api.services(filters=self.names.filter(KIND))]
            found = self.api.tasks(filters=self.names.filter(KIND))
        tasks = [task_of(each) for each in found if ADDRESS in labels_of(each)]
        here = {each.labels.get(NODE, "") for each in services}
        return Look({each.deployment: each for each in services}, tasks, self._hosts(here, tasks))

    @cached_property
    def node(self) -> str:
        """The id of the engine's own node.

        Raises:
            ProviderError: it is in no swarm.
        """
        with self.doing("the engine cannot be asked for its swarm"):
            facts = self.api.info()["Swarm"]
            if not facts.get("ControlAvailable"):
                # The swarm's own refusal says the rest.
                self.api.services()
        return str(facts["NodeID"])

    def has_other_nodes(self) -> bool:
        """Whether the swarm has more than the engine's own node."""
        with self.doing("the swarm's nodes cannot be listed"):
            return len(self.api.nodes()) > 1

    def create(self, body: Mapping[str, Any]) -> None:
        """Make a service.

        Raises:
            ProviderError: there is one of that name, or the swarm refuses.
        """
        with self.doing(f"service {body['Name']} cannot be made"):
            self.api.create_service(**_settings(body))

    def change(self, service: Service, wanted: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Change a service's settings; the swarm itself writes to it too, so it is looked at anew where that was first.

        Args:
            service: as it was seen.
            wanted: gives the settings that it is to have, from those that it has.

        Raises:
            ProviderError: the swarm refuses.
        """
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        for tries in range(_TRIES):
            body = wanted(service.body)
            with self.doing(f"service {service.body['Name']} cannot be changed"):
                try:
                    self.api.update_service(service.id, service.version, **_settings(body))
                except APIError as error:
                    if _OUT_OF_SEQUENCE not in str(error.explanation) or tries + 1 == _TRIES:
                        raise
                else:
                    return
            service = self.inspect(service)

    def inspect(self, service: Service) -> Service:
        """The service as it is now.

        Raises:
            ProviderError: it is gone.
        """
        with self.doing(f"service {service.body['Name']} cannot be looked at"):
            return service_of(self.api.inspect_service(service.id))

    def remove(self, service: Service) -> None:
        """Have the swarm end a service's tasks; it does so after this returns."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.doing(f"service {service.body['Name']} cannot be removed"), suppress(NotFound):
            self.api.remove_service(service.id)

    def log(self, service: Service, *, tail: int, follow: bool = False) -> Iterator[tuple[str, str]]:
        """What a service's tasks printed: the task's id and a line.

        Args:
            service: whose tasks they are.
            tail: how many of the last lines of each.
            follow: whether to wait for more.
        """
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.doing(f"the log of service {service.body['Name']} cannot be read"):
            try:
                found = self.api.service_logs(
                    service.id, details=True, stdout=True, stderr=True, tail=str(tail), follow=follow, is_tty=False
                )
            except NotFound:
                return
            for line in _lines([found] if isinstance(found, bytes) else found):
                yield _told(line)

    def _hosts(self, here: Iterable[str], tasks: Iterable[Task]) -> dict[str, str]:
        """How nodes are reached: the gateway's own by its loopback, others by the address that the swarm has."""
        hosts = {node: LOOPBACK for node in here if node}
        if any(task.node and task.node not in hosts for task in tasks):
            with self.doing("the swarm's nodes cannot be listed"):
                for each in self.api.nodes():
                    hosts.setdefault(str(each["ID"]), str(each["Status"].get("Addr", "")))
        return hosts


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """A service's settings by the names that the SDK gives them."""
    return {
        "task_template": body["TaskTemplate"],
        "name": body["Name"],
        "labels": body["Labels"],
        "mode": body["Mode"],
        "update_config": body["UpdateConfig"],
        "rollback_config": body["RollbackConfig"],
        "endpoint_spec": body["EndpointSpec"],
    }


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines of what comes in pieces."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def _told(line: str) -> tuple[str, str]:
    """A line without the swarm's own words, and the task that printed it."""
    details, _, text = line.partition(" ")
    words = dict(word.partition("=")[::2] for word in details.split(","))
    return words.get("com.docker.swarm.task.id", ""), text
