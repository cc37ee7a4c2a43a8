"""The live side of a local target: objects, corrected by what really runs and what the gateway really has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.state import Live
from reconciler.keeper.values import Status
from reconciler.providers.local.front import Front, Routed
from reconciler.providers.local.instances import Instances, of_deployment
from reconciler.providers.local.objects import Object, Objects
from reconciler.providers.local.processes import Processes
from reconciler.providers.local.serving import shares


@dataclass(frozen=True)
class Seen:
    """What was seen of the machine in one look.

    Args:
        statuses: the kept processes by name.
        ready: the names of the instances that answer.
        taken_out: the names of those that the gateway sends nothing.
        routed: where requests go, as the routes file says and as the running proxy has it.
        outdated: the target's options that the gateway does not follow yet.
    """

    statuses: Mapping[str, Status]
    ready: frozenset[str]
    routed: tuple[Routed, ...]
    taken_out: frozenset[str] = frozenset()
    outdated: str = ""


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
        return [_live(item, seen, self.front) for item in held]

    def _seen(self, held: Iterable[Object]) -> Seen:
        kinds = {item.address.kind for item in held}
        ready = self.instances.ready(name for item in held for name in item.serving)
        statuses = self.processes.seen() if kinds & {"deployment", "endpoint"} else {}
        if statuses is None and ready:
            # The keeper alone has died: a new one adopts what still answers. Where nothing does, as after a restart
            # of the machine, a look starts nothing; the next step does.
            statuses = self.processes.list()
        taken_out = self.front.taken_out(item.address for item in held if item.serving)
        if "endpoint" not in kinds:
            return Seen(statuses or {}, ready, (), taken_out)
        return Seen(statuses or {}, ready, self.front.routed(), taken_out, self.front.outdated())


def _live(item: Object, seen: Seen, front: Front) -> Live:
    spec, detail, underway = item.spec, dict[str, Any](), dict[str, Any]()
    if item.address.kind == "deployment":
        spec, detail = _deployment(item, seen)
    elif item.address.kind == "endpoint":
        spec = live_endpoint(item, seen.routed)
        detail = front.detail(item.address.name, seen.statuses)
        if item.rollout:
            detail["note"] = str(item.rollout)
        if item.rollout and item.rollout.unfinished and spec is item.spec:
            underway = {"traffic": dict(item.rollout.after)}
        if seen.outdated:
            spec = {**spec, "outdated_gateway": seen.outdated}
    return Live(item.address, spec, item.lineage, item.generation, item.operation, item.status, detail, underway)


def live_endpoint(item: Object, sources: Sequence[Routed]) -> Spec:
    """An endpoint's spec with the traffic that is in force: the first source that differs from the object counts."""
    expected = _routed(item.spec.get("traffic"), item.spec.get("mirror_traffic"))
    for source in sources:
        name = item.address.name
        found = _routed(source.traffic.get(name), source.mirror.get(name))
        if found != expected:
            return {**item.spec, **{field: found[field] for field in found if found[field] != expected[field]}}
    return item.spec


def _routed(traffic: Mapping[str, int] | None, mirror: Mapping[str, int] | None) -> dict[str, dict[str, int]]:
    """Both by their fields' names. What no traffic goes to has nothing to copy."""
    live = shares(traffic or {})
    return {"traffic": live, "mirror_traffic": shares(mirror or {}) if live else {}}


def _deployment(item: Object, seen: Seen) -> tuple[Spec, dict[str, Any]]:
    known = of_deployment(seen.statuses, item.address)
    ready = [name for name in item.serving if name in seen.ready]
    lost = sum(known[name].restarts for name in item.serving if name in known)
    spec = {**item.spec, "instance_count": _count(item, len(ready)), **_symptoms(item, lost)}
    names = [*item.serving, *sorted(known.keys() - set(item.serving))]
    served = set(ready) - seen.taken_out
    detail: dict[str, Any] = {
        "ready": _count(item, len(served)),
        "instances": [_instance(name, known.get(name), _version(item, name), ready=name in served) for name in names],
    }
    if lost:
        ends = (f"{name} {known[name].last_exit}" for name in item.serving if name in known and known[name].restarts)
        detail["note"] = f"restarted by the keeper: {', '.join(ends)}"
    return spec, detail


def _count(item: Object, ready: int) -> int:
    """How many instances there are; those that a roll-out has in service beside the others for a while do not count."""
    return min(ready, int(item.spec["instance_count"]))


def _symptoms(item: Object, lost: int) -> dict[str, int]:
    """What is amiss, in the words of the kind."""
    found = {"lost_instances": lost, "mixed_instances": len(item.others)}
    return {name: count for name, count in found.items() if count}


def _version(item: Object, name: str) -> str:
    return item.version(name) if name in item.serving else ""


def _instance(name: str, status: Status | None, version: str, *, ready: bool) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
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
