"""What must hold whatever happens: the invariants, each checked after every effect or every run of the model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.core.address import Address
from reconciler.core.plan import Action, Outcome, Plan, Result
from reconciler.core.state import Live
from reconciler.kinds.autoscaling import COUNT
from tests.faults.model.cloud import Effect

ROUTES = ("traffic", "mirror_traffic")


class Promise(StrEnum):
    """What is promised, by the names that the table of faults gives; the last two are its general condition."""

    I1 = "I1 scale before code"
    I2 = "I2 no traffic to a deployment that is not Succeeded"
    I3 = "I3 no deletion with traffic"
    I4 = "I4 traffic sums to 0 or 100"
    I5 = "I5 no secret in any output"
    I6 = "I6 at most one writer"
    I7 = "I7 never below the minimum of ready instances in a rolling update"
    I8 = "I8 every live object is owned or reported, and a foreign one is left alone"
    GUARDED = "what a guard forbids is not done"
    SETTLED = "afterwards one apply succeeds, the record equals live, and the next plan is empty"


class BrokenError(AssertionError):
    """A promise was broken."""

    def __init__(self, promise: Promise, said: str) -> None:
        super().__init__(f"{promise}: {said}")
        self.promise = promise


@dataclass
class Run:
    """What is known of one run.

    Args:
        plan: what it executes, once that is known.
        budget: how many resources it may delete.
        effects: what it has done.
        succeeded: the steps that it knows to be done.
        outcomes: what it said of its steps.
    """

    number: int
    plan: Plan | None = None
    budget: int | None = None
    effects: list[Effect] = field(default_factory=list)
    succeeded: set[tuple[Action, Address]] = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)

    def told(self, outcome: Outcome) -> None:
        """Hear how a step ended."""
        self.outcomes.append(outcome)
        if outcome.result is Result.SUCCEEDED:
            self.succeeded.add((outcome.step.action, outcome.step.address))

    def plans(self, action: Action, address: Address) -> bool:
        """Whether such a step is part of its plan."""
        return self.plan is not None and any((s.action, s.address) == (action, address) for s in self.plan.steps)


def scale_before_code(run: Run, effect: Effect) -> Iterator[str]:
    """I1: a run scales a deployment before it rolls out, and does not roll out where scaling failed."""
    action, address = effect.step.action, effect.step.address
    if effect.late:
        return
    if action is Action.SCALE and any(
        e.step.address == address and e.step.action is Action.ROLL_OUT for e in run.effects
    ):
        yield f"{address} was scaled after its code was rolled out"
    scaled = (Action.SCALE, address) in run.succeeded
    if action is Action.ROLL_OUT and run.plans(Action.SCALE, address) and not scaled:
        yield f"{address} was rolled out although it was not scaled"


def traffic_to_what_is_ready(_run: Run, effect: Effect) -> Iterator[str]:
    """I2: who routes, routes to deployments that are there and ready."""
    routed = effect.after.get(effect.step.address)
    if effect.step.address.kind != "endpoint" or routed is None or effect.late:
        return
    before = effect.before.get(effect.step.address)
    for name, share in _shares(routed).items():
        target = effect.after.get(Address("deployment", name, endpoint=routed.address.name))
        moved = effect.step.action is Action.ROUTE or share > _shares(before).get(name, 0)
        if moved and not _ready(target, routed.lineage):
            yield f"{share} % of {routed.address} go to {name}, which is {target.status if target else 'not there'}"


def no_traffic_to_what_is_deleted(_run: Run, effect: Effect) -> Iterator[str]:
    """I3: what is deleted has no traffic, and nothing stands on it."""
    address = effect.step.address
    if effect.step.action is not Action.DELETE or address not in effect.before:
        return
    if address.kind == "endpoint" and _shares(effect.before[address]):
        yield f"{address} was deleted with traffic {_shares(effect.before[address])}"
    parent = effect.before.get(address.parent) if address.parent else None
    if share := _shares(parent).get(address.name):
        yield f"{address} was deleted with {share} % of traffic"


def traffic_adds_up(_run: Run, effect: Effect) -> Iterator[str]:
    """I4: the traffic of every endpoint sums to 0 or 100."""
    for live in effect.after.values():
        total = sum((live.spec.get("traffic") or {}).values())
        if total not in (0, 100):
            yield f"the traffic of {live.address} sums to {total}"


def enough_instances(_run: Run, effect: Effect) -> Iterator[str]:
    """I7: never fewer instances answer than before or than are wanted, whichever is less."""
    ready, least = effect.ready
    if ready < least:
        yield f"{ready} of at least {least} instances of {effect.step.address} answer"


def foreign_is_left_alone(_run: Run, effect: Effect) -> Iterator[str]:
    """I8: nobody touches what another state, or nobody, made."""
    address = effect.step.address
    before, after = effect.before.get(address), effect.after.get(address)
    if before is not None and before.lineage != effect.operation.lineage and before != after:
        yield f"{address} was made by {before.lineage or 'nobody'}, and was touched"


def children_before_parents(_run: Run, effect: Effect) -> Iterator[str]:
    """What stands on a resource is deleted before it."""
    address, lineage = effect.step.address, effect.operation.lineage
    if effect.step.action is not Action.DELETE or address.kind != "endpoint" or effect.late:
        return
    left = [str(a) for a, live in effect.before.items() if a.parent == address and live.lineage == lineage]
    if left and address in effect.before:
        yield f"{address} was deleted before {', '.join(left)}"


def within_the_budget(run: Run, effect: Effect) -> Iterator[str]:
    """A run deletes no more than it may."""
    created = {step.address for step in run.plan.steps if step.action is Action.CREATE} if run.plan else set()
    deleted = {e.step.address for e in run.effects if e.step.action is Action.DELETE} | (
        {effect.step.address} if effect.step.action is Action.DELETE else set()
    )
    if run.budget is not None and not effect.late and len(deleted - created) > run.budget:
        yield f"{len(deleted - created)} resources were deleted, {run.budget} may be"


Check = Callable[[Run, Effect], Iterator[str]]

OF_EFFECTS: Mapping[Check, Promise] = {
    scale_before_code: Promise.I1,
    traffic_to_what_is_ready: Promise.I2,
    no_traffic_to_what_is_deleted: Promise.I3,
    traffic_adds_up: Promise.I4,
    enough_instances: Promise.I7,
    foreign_is_left_alone: Promise.I8,
    children_before_parents: Promise.GUARDED,
    within_the_budget: Promise.GUARDED,
}


@dataclass
class Writers:
    """I6: who may write, and who does; tells what is wrong.

    Args:
        holder: the run that has the lock.
        youngest: the run that had it last.
        settled: runs that have looked at what others left.
        ended: by operation, what the record says of its end.
    """

    holder: int = 0
    youngest: int = 0
    settled: set[int] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)

    def wrote(self, run: int, name: str, *args: Any, **options: Any) -> Iterator[str]:
        """A write of the record that was let through, or a lock that was given or let go."""
        if name == "lock":
            if self.holder:
                yield f"run {run} has the lock, and so has run {self.holder}"
            self.holder = self.youngest = run
        elif name == "unlock":
            self.holder = 0 if self.holder == run else self.holder
        elif self.youngest != run:
            yield f"run {run} wrote ({name}) although run {self.youngest} has taken the lock over"
        if name == "intend":
            self.settled.add(run)
        if name in ("finish", "abandon"):
            self.ended[args[0]] = options["outcome"]

    def did(self, effect: Effect) -> Iterator[str]:
        """An effect: of the youngest run, or before that has looked; what is done twice is done once."""
        overtaken = effect.writer != self.youngest and self.youngest in self.settled
        if overtaken and self.ended.get(effect.operation.id) != "succeeded":
            late, call = "late " if effect.late else "", f"{effect.step.action} {effect.step.address}"
            yield f"a {late}call of run {effect.writer} ({call}) was let in after run {self.youngest} had taken over"


def _shares(endpoint: Live | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in ROUTES if endpoint else ():
        for deployment, share in ((endpoint.spec if endpoint else {}).get(name) or {}).items():
            if share:
                found[deployment] = found.get(deployment, 0) + share
    return found


def _ready(live: Live | None, lineage: str) -> bool:
    return live is not None and live.lineage == lineage and live.status == "Succeeded" and live.spec.get(COUNT, 1) > 0
