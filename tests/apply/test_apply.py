"""Executing a plan: order, records, failures, interruption, recovery."""

import os
import signal
import threading
from contextlib import contextmanager

import pytest

from reconciler.apply import Journal, Watcher
from reconciler.apply.apply import apply
from reconciler.apply.recover import recover
from reconciler.core.plan import Action, Operation, Result
from reconciler.errors import ProviderError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.memory import MemoryStore
from reconciler.record.store import Intent, Run
from tests.builders import blue, deployment, endpoint, green, model, plan_of


@pytest.fixture
def store():
    made = MemoryStore("test")
    with made.lock({"user": "u", "host": "h", "pid": 1, "command": "test", "started": "now"}, timeout_s=0):
        made.begin_run(Run("run", "apply", "test", "now"))
        yield made


class Recorder(MemoryProvider):
    """Notes the calls it gets; fails, or waits, where a test says so."""

    def __init__(self, *, fail=(), raising=ProviderError, during=None):
        super().__init__()
        self.calls, self.fail, self.raising, self.during = [], fail, raising, during

    def _put(self, step, operation):
        self.calls.append((str(step.action), str(step.address)))
        if self.during:
            self.during(step)
        if str(step.address) in self.fail:
            raise self.raising("it broke")
        super()._put(step, operation)


def run(resources, store, provider, **options):
    return apply(plan_of(resources, store.read()), provider, Journal(store, "run"), **options)


def results(outcomes):
    return {str(outcome.step.address): str(outcome.result) for outcome in outcomes}


def test_steps_run_in_the_order_of_the_plan_and_are_recorded(store):
    provider = Recorder()
    run([endpoint(traffic={"blue": 100}), blue()], store, provider)
    assert provider.calls == [
        ("create", "endpoint/credit"),
        ("create", "deployment/credit/blue"),
        ("route", "endpoint/credit"),
    ]
    assert {str(a): e.generation for a, e in store.read().entries.items()} == {
        "deployment/credit/blue": 1,
        "endpoint/credit": 2,
    }


def test_nothing_is_left_to_do_afterwards(store):
    wanted = [endpoint(traffic={"blue": 100}), blue(), green()]
    run(wanted, store, Recorder())
    assert plan_of(wanted, store.read()).steps == ()


@pytest.mark.parametrize("raising", [ProviderError, ValueError, SystemExit, KeyboardInterrupt])
def test_whatever_a_plugin_raises_fails_its_step_and_skips_what_needs_it_while_siblings_go_on(store, raising):
    provider = Recorder(fail={"deployment/credit/blue"}, raising=raising)
    found = results(run([endpoint(traffic={"blue": 100}), blue(), green()], store, provider))
    assert found == {
        "endpoint/credit": "skipped",
        "deployment/credit/blue": "failed",
        "deployment/credit/green": "succeeded",
    }
    assert [str(a) for a in sorted(store.read().entries)] == ["deployment/credit/green", "endpoint/credit"]
    assert store.unfinished() == ()


def test_a_failed_roll_out_after_a_scale_keeps_the_scale_and_is_planned_again(store):
    run([endpoint(), blue(model="azureml:risk:1")], store, provider := Recorder())
    provider.during = lambda step: provider.fail if step.action is not Action.ROLL_OUT else fail()

    def fail():
        raise ProviderError("bad model")

    wanted = [endpoint(), blue(model="azureml:risk:2", instance_count=3)]
    run(wanted, store, provider)
    assert [str(step.action) for step in plan_of(wanted, store.read()).steps] == ["roll_out"]


def test_what_is_made_later_is_recorded_as_younger_although_the_clock_went_back(store):
    times = iter(["2026-02-03T12:00:00.000+00:00"] * 9 + ["2026-02-03T11:00:00.000+00:00"] * 9)
    provider = Recorder()
    for wanted in ([model(version="2")], [model(version="2"), model(version="1")]):
        journal = Journal(store, "run", now=lambda: next(times))
        apply(plan_of(wanted, store.read()), provider, journal)
    created = {a.version: entry.created for a, entry in store.read().entries.items()}
    assert created == {"2": "2026-02-03T12:00:00.000+00:00", "1": "2026-02-03T12:00:00.001+00:00"}


def test_an_intent_is_written_down_before_its_call(store):
    seen = []
    provider = Recorder(during=lambda step: seen.append([intent.address for intent in store.unfinished()]))
    run([endpoint()], store, provider)
    assert seen == [[endpoint().address]]
    assert store.unfinished() == ()


def test_no_more_steps_run_at_once_than_allowed(store):
    running, most, guard = [], [], threading.Lock()

    def during(step):
        with guard:
            running.append(step)
            most.append(len(running))
        threading.Event().wait(0.01)
        with guard:
            running.remove(step)

    wanted = [endpoint(), *(deployment(f"d{n}") for n in range(8))]
    run(wanted, store, Recorder(during=during), parallel=3)
    assert max(most) == 3


def test_an_interruption_finishes_what_runs_and_begins_nothing_more(store):
    stop = threading.Event()
    found = results(run([endpoint(), blue()], store, Recorder(during=lambda _step: stop.set()), stop=stop))
    assert found == {"endpoint/credit": "succeeded", "deployment/credit/blue": "skipped"}
    assert [str(a) for a in store.read().entries] == ["endpoint/credit"]


def test_whoever_is_told_of_a_step_may_end_the_run_before_the_next_call(store):
    stop, provider = threading.Event(), Recorder()
    watcher = Watcher(on_outcome=lambda _outcome: stop.set())
    found = results(run([endpoint(), blue()], store, provider, stop=stop, watcher=watcher))
    assert found == {"endpoint/credit": "succeeded", "deployment/credit/blue": "skipped"}
    assert provider.calls == [("create", "endpoint/credit")]
    assert [item.outcome for item in store.operations("run")] == ["succeeded", "not begun"]
    assert store.unfinished() == ()


def test_an_action_that_a_plugin_does_not_have_fails_its_step(store):
    class Half(Recorder):
        create = property()

    assert results(run([endpoint()], store, Half())) == {"endpoint/credit": "failed"}


def test_a_step_goes_on_when_nobody_reads_its_reports_any_more(store):
    class Reporting(MemoryProvider):
        def create(self, step, operation: Operation):
            operation.report("waiting")
            super().create(step, operation)

    def gone(_step, _line):
        raise BrokenPipeError

    assert results(run([endpoint()], store, Reporting(), watcher=Watcher(on_report=gone))) == {
        "endpoint/credit": "succeeded"
    }


def test_watchers_hear_of_starts_reports_and_outcomes(store):
    heard = []
    watcher = Watcher(
        on_start=lambda step: heard.append(f"start {step.address}"),
        on_report=lambda step, line: heard.append(f"{step.address}: {line}"),
        on_outcome=lambda outcome: heard.append(str(outcome.result)),
    )

    class Reporting(MemoryProvider):
        def create(self, step, operation: Operation):
            operation.report("waiting")
            super().create(step, operation)

    run([endpoint()], store, Reporting(), watcher=watcher)
    assert heard == ["start endpoint/credit", "endpoint/credit: waiting", "succeeded"]


def _crashed(store, provider, *, landed):
    """A run that was killed in the middle of creating an endpoint."""
    (step,) = plan_of([endpoint()], store.read()).steps
    intent = Intent("op", "run", 1, "create", step.address, None, step.after, 1, "then")
    store.intend(intent)
    if landed:
        provider.create(step, Operation("op", store.read().lineage, 1))
    return step


@pytest.mark.parametrize("landed", [True, False])
def test_recovery_records_what_is_there(store, landed):
    provider = MemoryProvider()
    _crashed(store, provider, landed=landed)
    assert recover(provider, store, now=lambda: "later") == (endpoint().address,)
    assert (endpoint().address in store.read().entries) is landed
    assert store.unfinished() == ()


def test_a_call_that_lands_after_recovery_is_refused(store):
    provider = MemoryProvider()
    step = _crashed(store, provider, landed=False)
    recover(provider, store, now=lambda: "later")
    with pytest.raises(ProviderError, match="generation"):
        provider.create(step, Operation("op", store.read().lineage, 1))
    assert [str(outcome.result) for outcome in run([endpoint()], store, provider)] == [str(Result.SUCCEEDED)]


@contextmanager
def interrupted_unawares(when):
    """SIGINT reaches another thread: it cuts no wait of this one short, as one that comes just before a wait."""
    heard = threading.Event()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: heard.set())
    sender = threading.Thread(target=lambda: when.wait() and os.kill(os.getpid(), signal.SIGINT))
    sender.start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield heard
    finally:
        when.set()
        sender.join()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)


def test_a_signal_that_comes_just_before_a_wait_is_heard_while_the_step_runs(store):
    begun, heard = threading.Event(), []
    with interrupted_unawares(begun) as stop:

        def during(_step):
            begun.set()
            heard.append(stop.wait(30))

        outcomes = run([endpoint(), blue()], store, Recorder(during=during), stop=stop)
    assert heard == [True]
    assert results(outcomes) == {"endpoint/credit": "succeeded", "deployment/credit/blue": "skipped"}
