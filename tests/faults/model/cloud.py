"""A platform in memory whose work takes time: it can be cut off in its middle, and requests may come late."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.kinds.autoscaling import COUNT
from reconciler.kinds.deployment import DEPLOYMENT
from reconciler.providers.hosting import waves as arithmetic
from reconciler.providers.hosting.objects import version_of
from reconciler.providers.memory import MemoryProvider
from tests.faults.model.desired import BAD_CODE
from tests.faults.model.process import Process

World = Mapping[Address, Live]


@dataclass(frozen=True)
class Effect:
    """What a call has just done, or a part of it.

    Args:
        writer: the number of the run that made the call.
        before: every object as it was.
        after: every object as it is.
        ready: how many instances of a deployment answer now, and how many must.
        late: whether the request lands although nobody waits for it any more.
    """

    writer: int
    step: Step
    operation: Operation
    before: World
    after: World
    ready: tuple[int, int] = (0, 0)
    late: bool = False


@dataclass(frozen=True)
class Request:
    """A call on its way, whose sender no longer waits."""

    step: Step
    operation: Operation
    writer: int


@dataclass(eq=False)
class Cloud(MemoryProvider):
    """The platform.

    Args:
        witness: shown every effect.
        fenced: whether older generations are refused, as every provider must.
        running: by deployment, the version that each of its instances runs.
        in_flight: requests on their way.
    """

    witness: Callable[[Effect], None]
    fenced: bool = True
    running: dict[Address, dict[str, str]] = field(default_factory=dict)
    in_flight: list[Request] = field(default_factory=list)
    _started: int = 0
    _ticks: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        # The platform's own clock, which does not jump.
        super().__init__(now=lambda: f"2026-02-03T12:00:00.{next(self._ticks):06}+00:00")

    def carry_out(self, step: Step, operation: Operation, process: Process, *, cut: bool = False) -> None:
        """Do what a step says, in parts between which the caller may be killed; `cut` has the platform fail there."""
        self._show(step, operation, process.number, self._parts(step, operation, cut=cut), process.point)

    def land(self, request: Request) -> str:
        """Let a late request arrive; gives the words of its refusal, none where it was let in."""
        parts = self._parts(request.step, request.operation)
        try:
            self._show(request.step, request.operation, request.writer, parts, lambda: None, late=True)
        except ProviderError as refusal:
            return str(refusal)
        return ""

    def world(self) -> World:
        """Every object."""
        return dict(self._objects)

    def put(self, live: Live) -> None:
        """Change an object behind everybody's back."""
        self._objects[live.address] = live
        if live.address.kind == "deployment":
            self._run(live.address, version_of(live.spec), live.spec[COUNT])

    def take(self, address: Address) -> None:
        """Remove an object behind everybody's back."""
        self._objects.pop(address, None)
        self.running.pop(address, None)

    def _show(
        self,
        step: Step,
        operation: Operation,
        writer: int,
        parts: Iterator[tuple[int, int]],
        point: Callable[[], None],
        *,
        late: bool = False,
    ) -> None:
        before = self.world()
        for ready in parts:
            self.witness(Effect(writer, step, operation, before, self.world(), ready, late))
            before = self.world()
            point()

    def _parts(self, step: Step, operation: Operation, *, cut: bool = False) -> Iterator[tuple[int, int]]:
        self._admit(step.address, operation)
        if step.address.kind == "deployment" and step.action is Action.CREATE:
            yield from self._create(step, operation)
        elif step.address.kind == "deployment" and step.action is Action.ROLL_OUT:
            yield from self._roll_out(step, operation, cut=cut)
        elif step.address.kind == "deployment" and step.action is Action.SCALE:
            yield from self._scale(step, operation)
        else:
            getattr(super(), step.action)(step, operation)
            if step.action is Action.DELETE:
                self.running.pop(step.address, None)
            yield (0, 0)

    def _create(self, step: Step, operation: Operation) -> Iterator[tuple[int, int]]:
        address, after = step.address, step.after or {}
        if address.parent not in self._objects:
            raise ProviderError(f"{address.parent} is not there")
        found = self._objects.get(address)
        if found is None:
            begun = Live(
                address, {**after, COUNT: 0}, operation.lineage, operation.generation, operation.id, "Creating"
            )
            self._objects[address] = begun
            yield (0, 0)
            self._admit(address, operation)
        if _is_bad(after):
            if found is None:
                self.take(address)
            raise ProviderError(f"{address}: the script does not start", log_tail=("SyntaxError",))
        self._run(address, version_of(after), int(after[COUNT]))
        super().create(step, operation)
        yield (0, 0)

    def _scale(self, step: Step, operation: Operation) -> Iterator[tuple[int, int]]:
        held = self._held(step.address)
        scaled = {name: value for name, value in (step.after or {}).items() if name in DEPLOYMENT.scale}
        spec = {**{k: v for k, v in held.spec.items() if k not in DEPLOYMENT.scale}, COUNT: held.spec[COUNT], **scaled}
        before = len(self.running.get(step.address, {}))
        if spec[COUNT] > before and _is_bad(spec):
            raise ProviderError(f"{step.address}: the script does not start", log_tail=("SyntaxError",))
        self._run(step.address, version_of(_plain(spec)), int(spec[COUNT]))
        self._objects[step.address] = replace(held, spec=spec, **_by(operation))
        self._rest(step.address)
        yield (len(self.running[step.address]), min(before, int(spec[COUNT])))

    def _roll_out(self, step: Step, operation: Operation, *, cut: bool) -> Iterator[tuple[int, int]]:
        address, held = step.address, self._held(step.address)
        after = {COUNT: held.spec[COUNT], **(step.after or {})}
        version, count, running = version_of(after), int(after[COUNT]), self.running.setdefault(address, {})
        staying = [name for name, runs in running.items() if runs == version][:count]
        leaving = [name for name in running if name not in staying]
        least = min(len(running), count)
        for number, wave in enumerate(
            arithmetic.waves(leaving, kept=len(staying), count=count, size=arithmetic.wave_size(after))
        ):
            if number and cut:
                raise ProviderError(f"{address}: a node was lost in wave {number + 1}")
            if wave.start and _is_bad(after):
                raise ProviderError(f"{address}: the script does not start", log_tail=("SyntaxError",))
            self._run(address, version, len(running) + wave.start)
            self._rest(address)
            yield (len(running), least)
            self._admit(address, operation)
            for name in wave.leaving:
                del running[name]
            self._rest(address)
            yield (len(running), least)
            self._admit(address, operation)
        self._objects[address] = replace(held, spec=after, status="Succeeded", **_by(operation))
        yield (len(running), least)

    def _run(self, address: Address, version: str, count: int) -> None:
        """Have so many instances run; those that are started run the version."""
        running = self.running.setdefault(address, {})
        while len(running) < count:
            self._started += 1
            running[f"i{self._started}"] = version
        for name in list(running)[count:]:
            del running[name]

    def _rest(self, address: Address) -> None:
        """Say of a deployment what runs of it."""
        held, running = self._held(address), self.running[address]
        plain = _plain(held.spec)
        mixed = sum(runs != version_of(plain) for runs in running.values())
        spec = {**plain, COUNT: min(len(running), plain[COUNT]), **({"mixed_instances": mixed} if mixed else {})}
        self._objects[address] = replace(held, spec=spec, status="Updating" if mixed else "Succeeded")

    def _held(self, address: Address) -> Live:
        if address not in self._objects:
            raise ProviderError(f"{address} is not there")
        return self._objects[address]

    def _admit(self, address: Address, operation: Operation) -> None:
        """Let an operation in that is no older than what was seen, on an object that is its own."""
        self._refuse_others(address, operation)
        self._fences[address] = self._admitted(address, operation)

    def _admitted(self, address: Address, operation: Operation) -> int:
        return super()._admitted(address, operation) if self.fenced else operation.generation


def _by(operation: Operation) -> dict[str, Any]:
    return {"lineage": operation.lineage, "generation": operation.generation, "operation": operation.id}


def _plain(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in DEPLOYMENT.symptoms}


def _is_bad(spec: Mapping[str, Any]) -> bool:
    return str((spec.get("code_configuration") or {}).get("code", {}).get("name")) == BAD_CODE
