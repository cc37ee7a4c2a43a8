"""What an expression sees of a plan: JSON values without any secret, and who wrote each field where that is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from reconciler.core.address import Address
from reconciler.core.blame import Blame
from reconciler.core.bylaw import Bylaw
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Plan, Step
from reconciler.judging.asking import Subject
from reconciler.render.as_json import plan_json
from reconciler.render.values import Veil

SHARED = ("target", "command", "checkout")
"""What every expression sees: the target, what was asked for, and where the checkout stands."""

VARIABLES: Mapping[str, Sequence[str]] = {
    "plan": ("plan", *SHARED),
    "resource": ("resource", *SHARED),
    "step": ("step", *SHARED),
    "field": ("field", "step", *SHARED),
}
"""By what a policy is over, the names that its expressions may use."""

Blames = Mapping[Source, Blame]


@dataclass(frozen=True)
class About:
    """What a subject is to people: which step or resource, which field, and where that was written."""

    words: str
    source: Source | None


def subjects(plan: Plan, bylaws: Sequence[Bylaw], blames: Blames) -> Iterator[tuple[Subject, About]]:
    """Everything that one of the policies is to be asked of."""
    by_over = {over: [n for n, each in enumerate(bylaws) if each.over == over] for over in VARIABLES}
    seen = _Seen(blames)
    if by_over["plan"]:
        yield Subject({"plan": seen.plan(plan)}, tuple(by_over["plan"])), About("the plan", None)
    for address, steps in _by_address(plan.steps if by_over["resource"] else ()).items():
        if asked := _meant(bylaws, by_over["resource"], address):
            yield Subject({"resource": seen.resource(address, steps)}, asked), About(str(address), _first(steps))
    for step in plan.steps:
        told = f"step #{step.id} {step.action} {step.address}"
        if asked := _meant(bylaws, by_over["step"], step.address):
            yield Subject({"step": seen.step(step)}, asked), About(told, _first([step]))
        if asked := _meant(bylaws, by_over["field"], step.address):
            brief = seen.brief(step)
            for field in step.fields:
                about = About(f"{told}, field {field.path}", field.source or _first([step]))
                yield Subject({"step": brief, "field": seen.field(field)}, asked), about


class _Seen:
    """Makes JSON of a plan's parts; equal secrets show as equal all over."""

    def __init__(self, blames: Blames) -> None:
        self._veil, self._blames = Veil(), blames

    def plan(self, plan: Plan) -> dict[str, Any]:
        resources = [self.resource(address, steps) for address, steps in _by_address(plan.steps).items()]
        return {**plan_json(plan), "steps": [self.step(step) for step in plan.steps], "resources": resources}

    def resource(self, address: Address, steps: Sequence[Step]) -> dict[str, Any]:
        return {
            **_named(address),
            "actions": [str(step.action) for step in steps],
            "fields": [self.field(field) for step in steps for field in step.fields],
            "before": self._veil.over(steps[0].before),
            "after": self._veil.over(steps[-1].after),
        }

    def step(self, step: Step) -> dict[str, Any]:
        return {
            **self.brief(step),
            "needs": list(step.needs),
            "fields": [self.field(field) for field in step.fields],
            "before": self._veil.over(step.before),
            "after": self._veil.over(step.after),
        }

    def brief(self, step: Step) -> dict[str, Any]:
        return {"id": step.id, "action": str(step.action), **_named(step.address), "reason": step.reason}

    def field(self, field: FieldChange) -> dict[str, Any]:
        blame = self._blames.get(field.source) if field.source else None
        return {
            "path": field.path,
            "before": self._veil.over(field.before),
            "after": self._veil.over(field.after),
            "source": {"file": field.source.file, "line": field.source.line} if field.source else None,
            "commit": blame.commit if blame else "",
            "author": blame.author if blame else "",
        }


def _named(address: Address) -> dict[str, str]:
    return {
        "address": str(address),
        "kind": address.kind,
        "name": address.name,
        "endpoint": address.family,
        "version": address.version,
    }


def _by_address(steps: Iterable[Step]) -> dict[Address, list[Step]]:
    found: dict[Address, list[Step]] = {}
    for step in steps:
        found.setdefault(step.address, []).append(step)
    return found


def _meant(bylaws: Sequence[Bylaw], indices: Iterable[int], address: Address) -> tuple[int, ...]:
    """Those of some policies that are for the endpoint of an address."""
    return tuple(
        index
        for index in indices
        if not bylaws[index].endpoints
        or (address.family and any(fnmatchcase(address.family, each) for each in bylaws[index].endpoints))
    )


def _first(steps: Iterable[Step]) -> Source | None:
    """The first place in a file that any field of some steps comes from."""
    return next((field.source for step in steps for field in step.fields if field.source), None)


def sample() -> Plan:
    """A plan in which most of what there is happens, to see what expressions give."""
    blue, spec = Address("deployment", "blue", endpoint="credit"), {"instance_count": 1, "tags": {"owner": "ana"}}
    shares = ({"traffic": {"blue": 90}}, {"traffic": {"blue": 100}})
    credit = Address("endpoint", "credit")
    count = FieldChange("instance_count", 1, 2, Source("blue.yml", 3))
    traffic = FieldChange("traffic.blue", 90, 100, Source("endpoint.yml", 3))
    steps = (
        Step(1, Action.SCALE, blue, "instance_count changed", (count,), spec, {**spec, "instance_count": 2}),
        Step(2, Action.ROUTE, credit, "traffic changed", (traffic,), *shares, needs=(1,)),
        Step(3, Action.CREATE, Address("deployment", "green", endpoint="credit"), "new", (), None, spec),
        Step(4, Action.DELETE, Address("deployment", "old", endpoint="credit"), "gone", (), spec, None),
    )
    return Plan("prod", "lineage", 1, "tree", steps)
