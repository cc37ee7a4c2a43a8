"""An apply of many steps: each costs what the one before it did, as many run at once as may, and all is durable."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.slow_provider import SlowProvider, Temper
from reconciler.apply import Journal, Pace, Watcher
from reconciler.apply.apply import apply
from reconciler.core.manifest import Resource
from reconciler.core.plan import Outcome, Result
from reconciler.providers.memory import MemoryProvider
from reconciler.record.memory import MemoryStore
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Run, Store
from tests.builders import blue, endpoint, plan_of

PATIENCE_S = 60.0
AT_ONCE = 8


@contextmanager
def begun(store: Store) -> Iterator[Store]:
    """A store in the middle of a run."""
    with store.lock({"id": "lock"}, timeout_s=0):
        store.begin_run(Run("run", "apply", "dev", "T0"))
        yield store


def opened(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "state.db", "dev", environ={"MLOPS_STATE_KEY": "k"})


def many(count: int) -> Sequence[Resource]:
    return [endpoint(f"e{number}") for number in range(count)]


def statements(folder: Path, steps: int) -> list[str]:
    """What an apply of so many steps asks of the record, with one step at a time."""
    folder.mkdir()
    seen: list[str] = []
    store = opened(folder)
    with begun(store):
        plan, journal = plan_of(many(steps), store.read()), Journal(store, "run")
        store._connection.set_trace_callback(seen.append)
        apply(plan, MemoryProvider(), journal, parallel=1)
        store._connection.set_trace_callback(None)
    store.close()
    return seen


def test_a_step_asks_the_same_of_the_record_whatever_there_is_already(tmp_path: Path):
    found = [len(statements(tmp_path / str(steps), steps)) for steps in (10, 20, 100, 110)]
    assert found[1] - found[0] == found[3] - found[2]


def test_how_a_step_ended_and_the_intent_of_the_next_are_one_write(tmp_path: Path):
    asked = statements(tmp_path / "made", 20)
    assert sum(each == "BEGIN IMMEDIATE" for each in asked) == 20 + 1


def test_a_write_to_a_record_in_memory_copies_nothing_of_what_is_there():
    store = MemoryStore()
    with begun(store):
        apply(plan_of(many(3), store.read()), MemoryProvider(), Journal(store, "run"))
        before = store._kept.entries
        apply(plan_of(many(6), store.read()), MemoryProvider(), Journal(store, "run"))
        assert store._kept.entries is before
        assert len(store.read().entries) == 6


def test_an_intent_is_durable_before_its_call_and_so_is_the_end_of_all_that_the_step_needs(tmp_path: Path):
    seen: list[tuple[bool, bool]] = []

    class Looking(MemoryProvider):
        def _put(self, step, operation):
            other = opened(tmp_path)  # what another process would find
            intended = operation.id in {intent.operation for intent in other.unfinished()}
            ended = {row.intent.step for row in other.operations("run") if row.outcome == "succeeded"}
            other.close()
            seen.append((intended, ended.issuperset(step.needs)))
            super()._put(step, operation)

    store = opened(tmp_path)
    with begun(store):
        wanted = [endpoint("a", traffic={"blue": 100}), blue(endpoint_name="a"), endpoint("b"), endpoint("c")]
        outcomes = apply(plan_of(wanted, store.read()), Looking(), Journal(store, "run"))
    store.close()
    assert all(each.result is Result.SUCCEEDED for each in outcomes)
    assert seen == [(True, True)] * len(outcomes)


def slow(count: int, provider: SlowProvider, **options) -> tuple[Sequence[Outcome], Store]:
    """Apply so many steps on a slow platform, eight at once."""
    store = MemoryStore()
    with begun(store):
        plan, journal = plan_of(many(count), store.read()), Journal(store, "run")
        return apply(plan, provider, journal, parallel=AT_ONCE, **options), store


def test_as_many_calls_are_under_way_as_may_be_and_never_one_more():
    all_of_them = threading.Barrier(AT_ONCE)
    provider = SlowProvider(sleep=lambda _: all_of_them.wait(PATIENCE_S), temper=Temper(at_once=AT_ONCE))
    outcomes, _ = slow(AT_ONCE * 5, provider)
    assert {outcome.result for outcome in outcomes} == {Result.SUCCEEDED}
    assert provider.most == AT_ONCE


def test_no_more_threads_make_calls_than_calls_may_be_under_way():
    makers = set[threading.Thread]()
    provider = SlowProvider(sleep=lambda _: makers.add(threading.current_thread()))
    slow(AT_ONCE * 10, provider)
    assert len(makers) <= AT_ONCE
    for thread in makers:
        thread.join(PATIENCE_S)
    assert [thread for thread in makers if thread.is_alive()] == []


def test_f11_where_a_platform_is_busy_its_word_is_kept_while_other_steps_go_on():
    others = threading.Event()
    provider = SlowProvider(temper=Temper(busy_every=5, retry_after_s=17), sleep=lambda _: None)
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        assert others.wait(PATIENCE_S)
        return False

    def told(outcome: Outcome) -> None:
        done.append(outcome)
        if len(done) == 8 - 1:
            others.set()

    done: list[Outcome] = []
    store, lines = MemoryStore(), list[str]()
    watcher = Watcher(on_report=lambda _step, line: lines.append(line), on_outcome=told)
    with begun(store):
        plan = plan_of(many(8), store.read())
        outcomes = apply(plan, provider, Journal(store, "run"), parallel=2, watcher=watcher, pace=Pace(wait=wait))
    assert {outcome.result for outcome in outcomes} == {Result.SUCCEEDED}
    assert (waits, provider.refused, provider.calls) == ([17], 1, 9)
    assert lines == ["429 Too Many Requests, retrying in 17 s (2 of 5)"]
    assert [row.outcome for row in store.operations("run")] == ["succeeded"] * 8


@pytest.mark.parametrize("hung", [1, AT_ONCE])
def test_calls_that_hang_take_no_place_from_those_that_come_after_them(hung: int):
    released, count, guard = threading.Event(), [0], threading.Lock()

    def sleep(_seconds: float) -> None:
        with guard:
            count[0] += 1
            hangs = count[0] <= hung
        if hangs:
            released.wait(PATIENCE_S)

    outcomes, store = slow(AT_ONCE * 3, SlowProvider(sleep=sleep), pace=Pace(step_timeout_s=2))
    released.set()
    found = [outcome.result for outcome in outcomes]
    assert (found.count(Result.UNKNOWN), found.count(Result.SUCCEEDED)) == (hung, AT_ONCE * 3 - hung)
    assert len(store.unfinished()) == hung
