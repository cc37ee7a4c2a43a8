"""F09 to F12: calls of a provider that fail in passing, whose answers are lost, or that never come back."""

import threading
from collections.abc import Iterator

import pytest

from reconciler.apply import Pace
from reconciler.core.plan import Result
from reconciler.errors import StateError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.memory import MemoryStore
from tests.builders import blue, endpoint
from tests.faults.scheduled import Fail, FakeClock, Hang, Held, Late, Raise, Refuse, Scheduled, Slow, by_chance
from tests.faults.target import BETTER, HOLDER, SERVED, Target, messages, results
from tests.waiting import until

BLUE = "deployment/credit/blue"
CREATE_BLUE = f"create {BLUE}"
ALL_DONE = {"create endpoint/credit": "succeeded", CREATE_BLUE: "succeeded", "route endpoint/credit": "succeeded"}
BLUE_FAILED = {**ALL_DONE, CREATE_BLUE: "failed", "route endpoint/credit": "skipped"}
BLUE_UNKNOWN = {**BLUE_FAILED, CREATE_BLUE: "unknown"}
# For every step but one that hangs, also on a busy machine; that one takes all of it.
ENOUGH_S = 3.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def target(clock: FakeClock, faults) -> Target:
    return Target(Scheduled(MemoryProvider(), faults, clock=clock))


def test_f09_a_5xx_without_effect_is_tried_again_and_told(clock):
    made = target(clock, {CREATE_BLUE: [Refuse("503 Service Unavailable"), Refuse("503 Service Unavailable")]})
    assert results(made.apply(SERVED, clock.pace())) == ALL_DONE
    assert made.lines == [
        "503 Service Unavailable, retrying in 1 s (2 of 5)",
        "503 Service Unavailable, retrying in 2 s (3 of 5)",
    ]
    made.assert_settled(SERVED)


def test_f09_all_tries_of_a_step_are_one_operation(clock):
    made = target(clock, {CREATE_BLUE: [Refuse()] * 3})
    made.apply(SERVED, clock.pace())
    rows = made.store.operations("run-1")
    assert [f"{row.intent.action} {row.outcome}" for row in rows] == [
        "create succeeded",
        "create succeeded",
        "route succeeded",
    ]
    assert made.provider.observe(blue().address).generation == 1


def test_f09_tries_are_bounded_then_the_step_has_failed_and_its_dependents_are_skipped(clock):
    made = target(clock, {CREATE_BLUE: [Refuse()] * 5})
    outcomes = made.apply(SERVED, clock.pace())
    assert results(outcomes) == BLUE_FAILED
    assert messages(outcomes)[CREATE_BLUE] == "503 Service Unavailable; given up after 5 tries"
    assert (clock.waits, made.provider.calls.count(CREATE_BLUE)) == ([1, 2, 4, 8], 5)
    assert made.store.unfinished() == ()
    assert list(results(made.apply(SERVED, clock.pace()))) == [CREATE_BLUE, "route endpoint/credit"]
    made.assert_settled(SERVED)


def test_f09_clients_that_failed_together_come_back_apart(clock):
    for dice in (0.0, 1.0):
        target(clock, {"create endpoint/credit": [Refuse()]}).apply(
            [endpoint()], clock.pace(dice=lambda dice=dice: dice)
        )
    assert clock.waits == [1.0, 0.5]


def test_f09_what_fails_for_good_is_not_tried_again(clock):
    made = target(clock, {CREATE_BLUE: [Fail("no such image")]})
    assert messages(made.apply(SERVED, clock.pace()))[CREATE_BLUE] == "no such image"
    assert made.provider.calls.count(CREATE_BLUE) == 1


def test_f09_no_pause_leads_beyond_the_time_of_the_step(clock):
    made = target(clock, {CREATE_BLUE: [Refuse()] * 9})
    outcomes = made.apply(SERVED, clock.pace(step_timeout_s=6))
    assert messages(outcomes)[CREATE_BLUE] == "503 Service Unavailable; given up after 3 tries"
    assert sum(clock.waits) <= 6


def test_f09_an_interruption_ends_the_pause(clock):
    made, stop = target(clock, {CREATE_BLUE: [Refuse(retry_after_s=60)]}), threading.Event()
    done = []
    thread = threading.Thread(target=lambda: done.append(made.apply(SERVED, stop=stop)), daemon=True)
    thread.start()
    until(lambda: made.lines)
    stop.set()
    thread.join(timeout=50)
    assert results(done[0]) == BLUE_FAILED
    assert messages(done[0])[CREATE_BLUE] == "503 Service Unavailable; interrupted before another try"


def test_f10_an_effect_whose_answer_was_lost_is_not_doubled(clock):
    made = target(clock, {CREATE_BLUE: [Late()], "route endpoint/credit": [Late()]})
    assert results(made.apply(SERVED, clock.pace())) == ALL_DONE
    assert [item.address for item in made.provider.list()] == [endpoint().address, blue().address]
    assert made.provider.observe(blue().address).generation == 1
    made.assert_settled(SERVED)


def test_f10_answers_that_are_lost_to_the_end_leave_the_outcome_unknown_and_the_next_apply_finds_it_done(clock):
    made = target(clock, {CREATE_BLUE: [Late()] * 5})
    outcomes = made.apply(SERVED, clock.pace())
    assert results(outcomes) == BLUE_UNKNOWN
    assert messages(outcomes)["route endpoint/credit"] == "needs #2, of which nobody knows whether it is done"
    assert [intent.address for intent in made.store.unfinished()] == [blue().address]
    created = made.provider.calls.count(CREATE_BLUE)
    assert results(made.apply(SERVED, clock.pace())) == {"route endpoint/credit": "succeeded"}
    assert made.provider.calls.count(CREATE_BLUE) == created
    made.assert_settled(SERVED)


def test_f10_one_lost_answer_leaves_the_outcome_open_whatever_the_next_tries_say(clock):
    made = target(clock, {CREATE_BLUE: [Held(), Fail("quota exceeded")]})
    assert results(made.apply(SERVED, clock.pace())) == BLUE_UNKNOWN


@pytest.mark.parametrize("error", [TimeoutError("timed out"), ConnectionResetError("reset"), BrokenPipeError()])
def test_f10_a_connection_that_broke_leaves_open_what_came_of_the_call(clock, error):
    made = target(clock, {CREATE_BLUE: [Raise(error, done=True)] * 5})
    assert results(made.apply(SERVED, clock.pace())) == BLUE_UNKNOWN
    made.apply(SERVED, clock.pace())
    made.assert_settled(SERVED)


def test_f10_a_connection_that_was_refused_had_no_effect(clock):
    made = target(clock, {CREATE_BLUE: [Raise(ConnectionRefusedError("refused"))] * 5})
    assert results(made.apply(SERVED, clock.pace())) == BLUE_FAILED


@pytest.mark.parametrize("seed", range(20))
def test_f10_lost_answers_and_refusals_at_random_end_well(clock, seed):
    made = target(clock, by_chance(seed, rate=0.6))
    for wanted in (SERVED, BETTER, SERVED, []):
        for _ in range(30):
            if all(outcome.result is Result.SUCCEEDED for outcome in made.apply(wanted, clock.pace(tries=2))):
                break
        made.assert_settled(wanted)


def test_f11_a_429_is_waited_for_as_told(clock):
    made = target(clock, {CREATE_BLUE: [Refuse("429 Too Many Requests", retry_after_s=17)]})
    assert results(made.apply(SERVED, clock.pace())) == ALL_DONE
    assert clock.waits == [17]
    assert made.lines == ["429 Too Many Requests, retrying in 17 s (2 of 5)"]
    made.assert_settled(SERVED)


def test_f11_nobody_is_waited_for_longer_than_the_limit(clock):
    made = target(clock, {CREATE_BLUE: [Refuse("429 Too Many Requests", retry_after_s=86400)]})
    assert results(made.apply(SERVED, clock.pace())) == ALL_DONE
    assert clock.waits == [120]


def test_f11_a_wait_that_would_outlast_the_step_fails_it_at_once(clock):
    made = target(clock, {CREATE_BLUE: [Refuse("429 Too Many Requests", retry_after_s=100)]})
    assert results(made.apply(SERVED, clock.pace(step_timeout_s=60))) == BLUE_FAILED
    assert clock.waits == []


def hung(hang: Hang) -> Target:
    """A target that was left behind while it hung in the creation of blue."""
    made = Target(Scheduled(MemoryProvider(), {CREATE_BLUE: [hang]}))
    outcomes = made.apply([*SERVED, endpoint("other")], Pace(step_timeout_s=ENOUGH_S))
    assert results(outcomes) == {**BLUE_UNKNOWN, "create endpoint/other": "succeeded"}
    return made


@pytest.fixture
def hang() -> Iterator[Hang]:
    """A call that hangs, and comes back at the end of the test at the latest."""
    made = Hang()
    yield made
    made.release.set()
    assert made.landed.wait(timeout=30)


def test_f12_a_call_that_hangs_is_left_behind_and_the_journal_says_unknown(hang):
    made = hung(hang)
    assert [intent.address for intent in made.store.unfinished()] == [blue().address]
    with made.store.lock(HOLDER, timeout_s=0):
        pass


def test_f12_the_next_apply_converges_and_the_call_is_refused_when_it_lands_after_it(hang):
    made, wanted = hung(hang), [*SERVED, endpoint("other")]
    assert list(results(made.apply(wanted))) == [CREATE_BLUE, "route endpoint/credit"]
    hang.release.set()
    assert hang.landed.wait(timeout=30)
    assert "generation" in str(hang.refused[0])
    made.assert_settled(wanted)


def test_f12_the_next_apply_converges_when_the_call_landed_before_it(hang):
    made, wanted = hung(hang), [*SERVED, endpoint("other")]
    hang.release.set()
    assert hang.landed.wait(timeout=30)
    assert list(results(made.apply(wanted))) == ["route endpoint/credit"]
    made.assert_settled(wanted)


def test_f12_what_a_step_says_that_was_left_behind_is_not_told(hang):
    class Talking(MemoryProvider):
        def create(self, step, operation):
            super().create(step, operation)
            operation.report("nobody hears this")

    made = Target(Scheduled(Talking(), {"create endpoint/credit": [hang]}))
    made.apply([endpoint()], Pace(step_timeout_s=0.2))
    hang.release.set()
    assert hang.landed.wait(timeout=30)
    assert made.lines == []


def test_f12_a_step_that_is_slow_has_its_time(clock):
    made = target(clock, {CREATE_BLUE: [Slow(3000)]})
    assert results(made.apply(SERVED, clock.pace())) == ALL_DONE


def test_a_run_whose_record_fails_finishes_the_steps_that_run(hang):
    class Full(MemoryStore):
        def finish(self, *arguments, **settings):
            raise StateError("disk full")

    made = Target(Scheduled(MemoryProvider(), {"create endpoint/other": [hang]}), Full("test"))
    threading.Thread(target=lambda: hang.begun.wait(30) and hang.release.set(), daemon=True).start()
    with pytest.raises(StateError, match="disk full"):
        made.apply([endpoint("credit"), endpoint("other")])
    assert made.provider.effects.count("create endpoint/other") == 1
