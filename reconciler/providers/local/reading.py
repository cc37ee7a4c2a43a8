"""The live side of a local target: objects, corrected by what really runs and what the gateway really has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.state import Live
from reconciler.keeper.values import Status
from reconciler.providers.local.front import NAME, Front
from reconciler.providers.local.instances import Instances, of_deployment
from reconciler.providers.local.objects import Object, Objects
from reconciler.providers.local.processes import Processes
from reconciler.providers.local.serving import shares

Traffic = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Seen:
    """What was seen of the machine in one look.

    Args:
        statuses: the kept processes by name.
        ready: the names of the instances that answer.
        traffic: percent by deployment by endpoint, as the routes file says and as the running proxy has it.
    """

    statuses: Mapping[str, Status]
    ready: frozenset[str]
    traffic: tuple[Traffic, ...]


@dataclass(frozen=True)
class Reading:
    """Looks at the machine and reports it in the form of the record."""

    objects: Objects
    processes: Processes
    instances: Instances
    front: Front

    def list(self) -> Sequence[Live]:
        """Every object of the target."""
        return self._lives(list(self.objects.all()))

    def observe(self, address: Address) -> Live | None:
        """One object; None when there is none."""
        held = self.objects.get(address)
        return self._lives([held])[0] if held else None

    def _lives(self, held: Sequence[Object]) -> Sequence[Live]:
        seen = self._seen(held)
        return [_live(item, seen, self.front.uri) for item in held]

    def _seen(self, held: Iterable[Object]) -> Seen:
        kinds = {item.address.kind for item in held}
        ready = self.instances.ready(name for item in held for name in item.serving)
        statuses = self.processes.seen() if kinds & {"deployment", "endpoint"} else {}
        if statuses is None and ready:
            # The keeper alone has died: a new one adopts what still answers. Where nothing does, as after a restart
            # of the machine, a look starts nothing; the next step does.
            statuses = self.processes.list()
        return Seen(statuses or {}, ready, self.front.traffic() if "endpoint" in kinds else ())


def _live(item: Object, seen: Seen, uri: Any) -> Live:
    spec, detail = item.spec, dict[str, Any]()
    if item.address.kind == "deployment":
        spec, detail = _deployment(item, seen)
    elif item.address.kind == "endpoint":
        gateway = seen.statuses.get(NAME)
        spec = live_endpoint(item, seen.traffic)
        detail = {"scoring_uri": uri(item.address.name), "gateway": _state(gateway, ready=True)}
    return Live(item.address, spec, item.lineage, item.generation, item.operation, item.status, detail)


def live_endpoint(item: Object, sources: Sequence[Traffic]) -> Spec:
    """An endpoint's spec with the traffic that is in force: the first source that differs from the object counts."""
    expected = shares(item.spec.get("traffic", {}))
    for source in sources:
        found = shares(source.get(item.address.name, {}))
        if found != expected:
            return {**item.spec, "traffic": found}
    return item.spec


def _deployment(item: Object, seen: Seen) -> tuple[Spec, dict[str, Any]]:
    known = of_deployment(seen.statuses, item.address)
    ready = [name for name in item.serving if name in seen.ready]
    lost = sum(known[name].restarts for name in item.serving if name in known)
    spec = {**item.spec, "instance_count": len(ready), **({"lost_instances": lost} if lost else {})}
    names = [*item.serving, *sorted(known.keys() - set(item.serving))]
    detail: dict[str, Any] = {"instances": [_instance(name, known.get(name), ready=name in ready) for name in names]}
    if lost:
        ends = (f"{name} {known[name].last_exit}" for name in item.serving if name in known and known[name].restarts)
        detail["note"] = f"restarted by the keeper: {', '.join(ends)}"
    return spec, detail


def _instance(name: str, status: Status | None, *, ready: bool) -> dict[str, Any]:
    return {
        "name": name,
        "pid": status.pid if status else None,
        "state": _state(status, ready=ready),
        "restarts": status.restarts if status else 0,
        "last_exit": str(status.last_exit) if status and status.last_exit else "",
    }


def _state(status: Status | None, *, ready: bool) -> str:
    if status is None or not status.running:
        return "not running"
    if status.trial:
        return "on trial"
    return "running" if ready else "not ready"
