"""The live side of a target: objects, corrected by what really runs and what the gateway really has."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.state import Live
from reconciler.frozen import dataclass
from reconciler.keeper.values import Status
from reconciler.providers.hosting.front import Front, Routed
from reconciler.providers.hosting.instances import Sight, Visible
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.serving import shares


@dataclass(frozen=True)
class Seen:
    """What was seen of the machine in one look.

    Args:
        instances: those that there are, and those that answer.
        routed: where requests go, as the routes file says and as the running proxy has it.
        taken_out: the names of the instances that the gateway sends nothing.
        gateway: what a client has to know of the gateway, by endpoint.
        outdated: the target's options that the gateway does not follow yet.
    """

    instances: Sight
    taken_out: frozenset[str] = frozenset()
    routed: tuple[Routed, ...] = ()
    gateway: Callable[[str], dict[str, Any]] = lambda _endpoint: {}
    outdated: str = ""


@dataclass(frozen=True)
class Reading:
    """Looks at the machine and reports it in the form of the record."""

    objects: Objects
    instances: Visible
    front: Front

    def list(self) -> Sequence[Live]:
        """Every object of the target, and what is left of those that are in no record."""
        held = list(self.objects.all())
        seen = self._seen(held)
        return [*(_live(item, seen) for item in held), *seen.instances.orphans]

    def some(self, addresses: Collection[Address]) -> Sequence[Live]:
        """Of these addresses what is there; no other instance is asked whether it is ready."""
        held = [item for address in addresses if (item := self.objects.get(address))]
        seen = self._seen(held)
        return [*(_live(item, seen) for item in held), *(o for o in seen.instances.orphans if o.address in addresses)]

    def observe(self, address: Address) -> Live | None:
        """One object; None when there is none."""
        held = self.objects.get(address)
        return _live(held, self._seen([held])) if held else None

    def _seen(self, held: Sequence[Object]) -> Seen:
        sight = self.instances.see([item for item in held if item.address.kind == "deployment"])
        taken_out = self.front.taken_out(item.address for item in held if item.serving)
        if not any(item.address.kind == "endpoint" for item in held):
            return Seen(sight, taken_out)
        routed = self.front.routed()
        return Seen(sight, taken_out, routed, self.front.look(routed[0].paths), self.front.outdated())


def _live(item: Object, seen: Seen) -> Live:
    spec, detail, underway = item.spec, dict[str, Any](), dict[str, Any]()
    if item.address.kind == "deployment":
        spec, detail = _deployment(item, seen)
    elif item.address.kind == "endpoint":
        spec = live_endpoint(item, seen.routed)
        detail = seen.gateway(item.address.name)
        if item.rollout:
            detail["note"] = str(item.rollout)
        if item.rollout and item.rollout.unfinished and spec is item.spec:
            underway = {"traffic": dict(item.rollout.after)}
        if seen.outdated:
            spec = {**spec, "outdated_gateway": seen.outdated}
    return Live(
        item.address,
        spec,
        item.lineage,
        item.generation,
        item.operation,
        item.status,
        detail,
        underway,
        item.created,
    )


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
    known = seen.instances.statuses.get(item.address, {})
    ready = [name for name in item.serving if name in seen.instances.ready]
    lost = sum(known[name].restarts for name in item.serving if name in known)
    spec = {**item.spec, "instance_count": _count(item, len(ready)), **_symptoms(item, lost, seen)}
    names = [*item.serving, *sorted(known.keys() - set(item.serving))]
    served = set(ready) - seen.taken_out
    detail: dict[str, Any] = {
        "ready": _count(item, len(served)),
        "instances": [_instance(name, known.get(name), _version(item, name), ready=name in served) for name in names],
    }
    if note := _note(item, known, ready):
        detail["note"] = note
    return spec, detail


def _note(item: Object, known: Mapping[str, Status], ready: Collection[str]) -> str:
    """What became of instances in service that did not go on as they were; empty where all did."""
    lost = [f"{name} {_fate(known.get(name))}" for name in item.serving if name not in ready]
    restarted = [f"{name} {known[name].last_exit}" for name in item.serving if name in known and known[name].restarts]
    told = {"lost": lost, "restarted": [each for each in restarted if each not in lost]}
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in told.items() if names)


def _fate(status: Status | None) -> str:
    """How an instance does that is not ready."""
    if status is None:
        return "is gone"
    if status.running:
        return "does not answer"
    return str(status.last_exit or "does not run")


def _count(item: Object, ready: int) -> int:
    """How many instances there are; those that a roll-out has in service beside the others for a while do not count."""
    return min(ready, int(item.spec["instance_count"]))


def _symptoms(item: Object, lost: int, seen: Seen) -> dict[str, int]:
    """What is amiss, in the words of the kind."""
    strays = seen.instances.strays.get(item.address, 0)
    found = {"lost_instances": lost, "stray_instances": strays, "mixed_instances": len(item.others)}
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
