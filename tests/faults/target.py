"""A target in this process: planned and applied as the pipeline does it, on any provider, without files."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.apply import Journal, Pace, Watcher, utc_now
from reconciler.apply.apply import apply
from reconciler.apply.recover import recover
from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.state import DriftClass
from reconciler.diff import changes, corrections, drifts, fold
from reconciler.order import order
from reconciler.providers.provider import Provider
from reconciler.record.memory import MemoryStore
from reconciler.record.store import Run, Store
from tests.builders import blue, endpoint

HOLDER: Mapping[str, str | int] = {"user": "u", "host": "h", "pid": 1, "command": "test", "started": "2026-01-01"}


class Target:
    """One target; `lines` holds what steps reported in the last apply."""

    def __init__(self, provider: Provider, store: Store | None = None) -> None:
        self.provider, self.store = provider, store or MemoryStore("test")
        self.lines: list[str] = []
        self._runs = len(self.store.runs())

    def plan(self, wanted: Sequence[Resource]) -> Plan:
        """What an apply would do."""
        state = self.store.read()
        folded = fold(state, self.provider.list())
        steps = order(changes(sorted(wanted, key=lambda r: r.address), folded, recorded=state))
        return Plan("test", state.lineage, state.serial, "tree", steps)

    def apply(
        self, wanted: Sequence[Resource], pace: Pace | None = None, *, stop: threading.Event | None = None
    ) -> tuple[Outcome, ...]:
        """Settle what is unfinished, plan, execute, record."""
        self.lines = []
        with self.store.lock(HOLDER, timeout_s=0):
            recover(self.provider, self.store, now=utc_now)
            self._correct(wanted)
            made = self.plan(wanted)
            self._runs += 1
            run = Run(f"run-{self._runs}", "apply", "test", utc_now())
            self.store.begin_run(run)
            watcher = Watcher(on_report=lambda _step, line: self.lines.append(line))
            journal = Journal(self.store, run.id)
            outcomes = apply(made, self.provider, journal, stop=stop, watcher=watcher, pace=pace)
            done = all(outcome.result is Result.SUCCEEDED for outcome in outcomes)
            self.store.end_run(run.id, "succeeded" if done else "failed", utc_now())
        return outcomes

    def _correct(self, wanted: Sequence[Resource]) -> None:
        """Record what is live where no step will."""
        state = self.store.read()
        folded = fold(state, self.provider.list())
        touched = {change.address for change in changes(wanted, folded, recorded=state)}
        claimed = {resource.address: resource.spec for resource in wanted}
        for address, entry in corrections(state, folded, claimed=claimed, touched=touched).items():
            self.store.note(address, entry)

    def spec(self, address: Address) -> Any:
        """The spec of a live object."""
        found = self.provider.observe(address)
        assert found is not None
        return found.spec

    def assert_settled(self, wanted: Sequence[Resource]) -> None:
        """The record equals what is live, everything live is recorded, nothing is under way and nothing is to do."""
        state = self.store.read()
        found = [drift for drift in drifts(state, self.provider.list()) if drift.kind is not DriftClass.EXPECTED]
        assert found == []
        assert set(state.entries) == {item.address for item in self.provider.list()}
        assert self.store.unfinished() == ()
        assert self.plan(wanted).steps == ()


def results(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """By `ACTION ADDRESS`, how each step ended."""
    return {f"{each.step.action} {each.step.address}": str(each.result) for each in outcomes}


def messages(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """By `ACTION ADDRESS`, what is said of each step."""
    return {f"{each.step.action} {each.step.address}": each.message for each in outcomes}


SERVED = (endpoint(traffic={"blue": 100}), blue(model="azureml:risk:1"))
"""An endpoint that sends everything to blue."""

BETTER = (endpoint(traffic={"blue": 100}), blue(model="azureml:risk:2", instance_count=3))
"""The same with more instances, then another model."""
