"""How long instances are waited for, and traffic is watched, by a clock that the test sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.keeper.values import Exit, Status
from reconciler.providers.docker.options import read_options as docker_options
from reconciler.providers.hosting.awaiting import Patience
from reconciler.providers.hosting.watching import Watch
from reconciler.providers.local.options import read_options as local_options

BLUE = Address.parse("deployment/credit/blue")


class Clock:
    """Goes on only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Starting:
    """One instance that starts: ready, or ended, at a moment of the clock."""

    def __init__(self, clock: Clock, *, ready_at: float = float("inf"), ends_at: float = float("inf")) -> None:
        self._clock, self._ready_at, self._ends_at = clock, ready_at, ends_at

    def ready(self, names: Sequence[str]) -> frozenset[str]:
        return frozenset(names) if self._clock.now() >= self._ready_at else frozenset()

    def of(self, _deployment: Address) -> Mapping[str, Status]:
        ended = self._clock.now() >= self._ends_at
        return {
            "one": Status("one", None if ended else 1, 0.0, not ended, True, 0, Exit(code=3) if ended else None, "")
        }

    def unready(self, _deployment: Address, _name: str) -> str:
        return "init() may be waiting for something"

    def tail(self, _deployment: Address, _name: str) -> list[str]:
        return ["waits for godot"]


def waited(clock: Clock, patience_s: float | None = None, **starting: float) -> None:
    told = {"deadline_s": patience_s} if patience_s else {}
    patience = Patience(**told, now=clock.now, sleep=clock.sleep)
    patience.await_ready(Starting(clock, **starting), BLUE, ["one"], lambda _line: None)


def test_f14_what_never_gets_ready_is_given_up_after_600_seconds():
    clock = Clock()
    with pytest.raises(ProviderError, match=r"blue: not ready after 600 s; init\(\) may be waiting") as error:
        waited(clock)
    assert 600 <= clock.now() < 601
    assert list(error.value.log_tail) == ["waits for godot"]


def test_f14_600_seconds_are_what_a_target_waits_that_says_nothing_else():
    for read in (local_options, lambda options, root: docker_options(options, root, "dev")):
        assert read({}, Path("/repo")).common.ready_seconds == 600


def test_f14_what_gets_ready_in_the_last_second_serves():
    clock = Clock()
    waited(clock, ready_at=599.5)
    assert 599 <= clock.now() < 600


def test_f13_what_ends_is_not_waited_for():
    clock = Clock()
    with pytest.raises(ProviderError, match=r"init\(\) failed \(exit code 3\)"):
        waited(clock, ends_at=10)
    assert clock.now() < 11


class Losing:
    """A deployment that loses an instance at a moment of the clock, beside one that it lost before."""

    def __init__(self, clock: Clock, loses_at: float) -> None:
        self._clock, self._loses_at = clock, loses_at

    def observe(self, address: Address) -> Live:
        lost = 1 + (self._clock.now() >= self._loses_at)
        return Live(
            address, {"lost_instances": lost}, "lineage", 1, "op", detail={"note": "restarted: one exit code 7"}
        )


def watched(clock: Clock, loses_at: float, seconds: float) -> None:
    watch = Watch(
        Losing(clock, loses_at).observe, lambda _: ["out of memory"], seconds, now=clock.now, sleep=clock.sleep
    )
    watch.hold_out(watch.losses([BLUE]))


def test_f15_an_instance_that_is_lost_while_traffic_is_watched_is_told_with_its_log():
    clock = Clock()
    with pytest.raises(ProviderError, match="blue did not hold out under its traffic: restarted: one exit") as error:
        watched(clock, loses_at=1.5, seconds=2)
    assert clock.now() < 2
    assert list(error.value.log_tail) == ["out of memory"]


@pytest.mark.parametrize("seconds", [0, 2])
def test_f15_what_was_lost_before_or_is_lost_after_that_time_is_not_the_traffics_doing(seconds):
    clock = Clock()
    watched(clock, loses_at=seconds + 1, seconds=seconds)
    assert seconds <= clock.now() < seconds + 0.5
