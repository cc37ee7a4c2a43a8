"""What an expression sees of a plan: JSON values without any secret, and who wrote each field where that is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from reconciler.core.address import Address
from reconciler.core.blame import Blame
from reconciler.core.bylaw import Bylaw
from reconciler.core.manifest import Source, at_present
from reconciler.core.plan import Action, FieldChange, Plan, Step
from reconciler.judging.asking import Subject
from reconciler.judging.reach import reached
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
    """What a subject is to people: which resource, which step, which field; the plan where it is none of them."""

    address: Address | None = None
    steps: tuple[Step, ...] = ()
    field: FieldChange | None = None

    @property
    def words(self) -> str:
        """In words."""
        if self.address or not self.steps:
            return str(self.address or "the plan")
        [step] = self.steps
        told = f"step #{step.id} {step.action} {step.address}"
        return f"{told}, field {self.field.path}" if self.field else told

    @property
    def source(self) -> Source | None:
        """Where it is written: the field's own place, or what held it, else the first of any field."""
        fields = [*([self.field] if self.field else []), *(field for step in self.steps for field in step.fields)]
        return next((place for field in fields if (place := at_present(field.source))), None)


def subjects(plan: Plan, bylaws: Sequence[Bylaw], blames: Blames) -> Iterator[tuple[Subject, About]]:
    """Everything that one of the policies is to be asked of."""
    by_over = {over: [n for n, each in enumerate(bylaws) if each.over == over] for over in VARIABLES}
    seen = {over: _Seen(Veil(), blames, [bylaws[n] for n in some]) for over, some in by_over.items()}
    if by_over["plan"]:
        yield Subject(seen["plan"].laid_out(plan=_whole(plan)), tuple(by_over["plan"])), About()
    for address, steps in _by_address(plan.steps if by_over["resource"] else ()).items():
        if asked := _meant(bylaws, by_over["resource"], address):
            variables = seen["resource"].laid_out(resource=_resource(address, steps))
            yield Subject(variables, asked), About(address, tuple(steps))
    for step in plan.steps:
        if asked := _meant(bylaws, by_over["step"], step.address):
            yield Subject(seen["step"].laid_out(step=_step(step)), asked), About(steps=(step,))
        if asked := _meant(bylaws, by_over["field"], step.address):
            brief = seen["field"].laid_out(step=_brief(step))
            for field in step.fields:
                yield Subject(brief | seen["field"].laid_out(field=field), asked), About(None, (step,), field)


class _Seen:
    """Lays out for some policies what they reach, as JSON values without secrets; equal ones show as equal."""

    def __init__(self, veil: Veil, blames: Blames, bylaws: Sequence[Bylaw]) -> None:
        texts = [text for each in bylaws for text in (each.test, each.message_expression)]
        names = {name for each in VARIABLES.values() for name in each}
        self._veil, self._blames = veil, blames
        self._reach = {name: found for name in names if (found := reached(name, texts))}

    def laid_out(self, **variables: Any) -> dict[str, Any]:
        """The variables that are reached, as far as they are."""
        reached = {name: self._reach[name] for name in variables if name in self._reach}
        return {name: self._json(reach.of(self._plain(variables[name]))) for name, reach in reached.items()}

    def _plain(self, value: Any) -> Any:
        return self._field(value) if isinstance(value, FieldChange) else value

    def _json(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        value = self._plain(value)
        if isinstance(value, (list, tuple)):
            return [self._json(item) for item in value]
        return {key: self._json(value[key]) for key in value} if isinstance(value, dict) else self._veil.over(value)

    def _field(self, field: FieldChange) -> dict[str, Any]:
        blame = self._blames.get(field.source) if field.source else None
        source = at_present(field.source) or field.source
        return {
            "path": field.path,
            "before": field.before,
            "after": field.after,
            "source": {"file": source.file, "line": source.line} if source else None,
            "commit": blame.commit if blame else "",
            "author": blame.author if blame else "",
        }


def _whole(plan: Plan) -> dict[str, Any]:
    resources = [_resource(address, steps) for address, steps in _by_address(plan.steps).items()]
    told = plan_json(replace(plan, steps=())) | {"digest": plan.digest}
    return told | {"steps": [_step(step) for step in plan.steps], "resources": resources}


def _resource(address: Address, steps: Sequence[Step]) -> dict[str, Any]:
    return {
        **_named(address),
        "actions": [str(step.action) for step in steps],
        "fields": [field for step in steps for field in step.fields],
        "before": steps[0].before,
        "after": steps[-1].after,
    }


def _step(step: Step) -> dict[str, Any]:
    return {**_brief(step), "needs": step.needs, "fields": step.fields, "before": step.before, "after": step.after}


def _brief(step: Step) -> dict[str, Any]:
    return {"id": step.id, "action": str(step.action), **_named(step.address), "reason": step.reason}


def used(name: str, bylaws: Sequence[Bylaw]) -> bool:
    """Whether one of the policies names a variable."""
    return reached(name, [text for each in bylaws for text in (each.test, each.message_expression)]) is not None


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
