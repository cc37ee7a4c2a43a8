"""Whatever has the next round of a watch begin at once does so, at whichever moment of a round or a wait it comes."""

import signal
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.cli.watching import _rounds, _signals

DAY_S = 86_400.0


class Watcher:
    """One whose every round is followed by a day's pause, in whose course something happens; the third round ends it.

    Args:
        happens: what happens in the course of the first round.
    """

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens, self.rounds = happens, list[bool]()

    def round(self, *, asked: bool) -> Any:
        self.rounds.append(asked)
        if len(self.rounds) == 1:
            self._happens()
        else:
            signal.raise_signal(signal.SIGTERM)

    def pause(self, _found: object) -> float:
        return DAY_S

    def alive(self, _seconds: float) -> None: ...


def ask() -> None:
    signal.raise_signal(signal.SIGHUP)


def rounds(watcher: Watcher, suspensions: list[str]) -> list[bool]:
    """Which rounds there were, and whether held commits were to be tried again in each."""
    place: Any = SimpleNamespace(kept=SimpleNamespace(suspension=lambda: suspensions[-1]))
    with _signals() as heard, pytest.raises(KeyboardInterrupt):
        _rounds(watcher, place, heard, once=False, asked=False)  # type: ignore[arg-type] - it does as one
    return watcher.rounds


@pytest.mark.timeout(60)
def test_who_asks_during_a_round_has_the_next_one_at_once():
    assert rounds(Watcher(ask), [""]) == [False, True]


@pytest.mark.timeout(60)
def test_who_suspends_during_a_round_has_the_next_one_at_once():
    suspensions = [""]
    assert rounds(Watcher(lambda: suspensions.append("moving")), suspensions) == [False, False]


@pytest.mark.timeout(60)
def test_who_asks_at_whichever_moment_of_the_wait_has_the_next_round_at_once(monkeypatch: pytest.MonkeyPatch):
    real = threading.Condition.wait

    def wait(condition: threading.Condition, timeout: float | None = None) -> bool:
        ask()
        return real(condition, timeout)

    later = threading.Timer(0.5, ask)

    def begin_to_wait() -> None:
        later.start()
        monkeypatch.setattr(threading.Condition, "wait", wait)

    assert rounds(Watcher(begin_to_wait), [""]) == [False, True]
    later.join()
