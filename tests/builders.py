"""Builders of resources and states: a test writes only what it is about."""

from collections.abc import Iterable
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource
from reconciler.core.plan import Action, Plan, Step
from reconciler.core.state import Entry, Live, State
from reconciler.diff import changes
from reconciler.kinds import KINDS
from reconciler.order import order
from reconciler.render.text import SYMBOLS
from reconciler.resolve.normalise import spec_of

LINEAGE = "lineage-1"
KEY = b"key of the tests"


def manifest(kind: str, *, platform: str = "managed", file: str = "x.yml", **document: Any) -> Manifest:
    """A manifest whose fields all stand on the line of their place in the document."""
    positions = {"": (1, 1)} | {name: (line, 1) for line, name in enumerate(document, start=1)}
    return Manifest(file, kind, platform if kind in ("endpoint", "deployment") else "", document, positions, {})


def resource(address: str, **document: Any) -> Resource:
    """A resource as resolve makes it, without references to look up."""
    parsed = Address.parse(address)
    made = manifest(parsed.kind, **document)
    return Resource(parsed, spec_of(made, KINDS[parsed.kind], secret_key=KEY), made)


def endpoint(name: str = "credit", **document: Any) -> Resource:
    """An endpoint; it says nothing of traffic unless it is told to."""
    return resource(f"endpoint/{name}", name=name, **document)


def deployment(name: str, *, endpoint_name: str = "credit", **document: Any) -> Resource:
    """A deployment of one instance."""
    document.setdefault("instance_type", "Standard_DS3_v2")
    return resource(f"deployment/{endpoint_name}/{name}", name=name, endpoint_name=endpoint_name, **document)


def blue(**document: Any) -> Resource:
    """The deployment `credit/blue`."""
    return deployment("blue", **document)


def green(**document: Any) -> Resource:
    """The deployment `credit/green`."""
    return deployment("green", **document)


def model(name: str = "risk", version: str = "1", **document: Any) -> Resource:
    """A registered model."""
    return resource(f"model/{name}:{version}", name=name, version=version, **document)


def recorded(*resources: Resource) -> State:
    """A state in which these are recorded as they are."""
    return State(LINEAGE, 7, {r.address: Entry(r.spec, 1, "op", "2026-01-01T00:00:00Z") for r in resources})


def live(*resources: Resource, lineage: str = LINEAGE) -> list[Live]:
    """The live side, exactly like these."""
    return [Live(r.address, r.spec, lineage, 1, "op") for r in resources]


def planned(resources: Iterable[Resource], state: State, *, whole: bool = True) -> str:
    """The plan in one line a step: what it waits for, number, symbol, action, address, reason."""
    return outline(order(changes(sorted(resources, key=lambda r: r.address), state, whole=whole)))


def outline(steps: Iterable[Step]) -> str:
    return "".join(map(_outlined, steps))


def _outlined(step: Step) -> str:
    symbol = SYMBOLS.get(step.action, "~")
    return f"{list(step.needs)} -> #{step.id} {symbol} {step.action} {step.address} ({step.reason})\n"


def plan_of(resources: Iterable[Resource], state: State) -> Plan:
    """A plan for these resources."""
    steps = order(changes(sorted(resources, key=lambda r: r.address), state))
    return Plan("test", state.lineage, state.serial, "tree", steps)


def actions(plan: Plan) -> list[tuple[Action, str]]:
    return [(step.action, str(step.address)) for step in plan.steps]
