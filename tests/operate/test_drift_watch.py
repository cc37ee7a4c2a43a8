"""Looking for drift again and again: only what turned is told, and outages are survived."""

from itertools import islice

import pytest

from reconciler.core.address import Address
from reconciler.core.plan import FieldChange
from reconciler.core.state import Drift, DriftClass, Turn
from reconciler.errors import ManifestError, ProviderError, RefusedError, StateError
from reconciler.operate.drift_watch import Look, looks
from reconciler.wishes import Drifted

BLUE = Address.parse("deployment/credit/blue")


def routed(share: int) -> Drift:
    return Drift(BLUE.parent, DriftClass.CHANGED, (FieldChange("traffic.blue", 100, share),))


GONE = Drift(BLUE, DriftClass.MISSING)
LABEL = Drift(BLUE, DriftClass.LABEL)


def watched(*answers: Exception | tuple[Drift, ...], count: int, pauses: list[float] | None = None) -> list[Look]:
    """The first looks that have something to tell, where these are the answers, the last one for ever."""
    left, pauses = list(answers), [] if pauses is None else pauses

    def look() -> Drifted:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return Drifted(answer, 4, target="dev")

    return list(islice(looks(look, interval_s=60, sleep=pauses.append, now=lambda: 0.0), count))


def turns(look: Look) -> list[tuple[Turn, Drift]]:
    return list(look.turns)


def test_each_look_tells_what_is_new_otherwise_or_gone():
    first, second, third, fourth = watched((routed(30),), (routed(30), GONE), (routed(40), GONE), (GONE,), count=4)
    assert (first.first, turns(first)) == (True, [(Turn.NEW, routed(30))])
    assert (second.first, turns(second)) == (False, [(Turn.NEW, GONE)])
    assert turns(third) == [(Turn.CHANGED, routed(40))]
    assert turns(fourth) == [(Turn.GONE, routed(40))]


def test_a_label_that_moved_is_told_beside_what_else_drifted_of_a_resource():
    _, second, third = watched((GONE,), (GONE, LABEL), (LABEL,), count=3)
    assert (turns(second), turns(third)) == ([(Turn.NEW, LABEL)], [(Turn.GONE, GONE)])


def test_an_outage_is_told_once_and_what_turned_meanwhile_afterwards():
    down = ProviderError("no answer")
    first, failed, again = watched((GONE,), down, down, down, (GONE, routed(30)), count=3)
    assert (first.found is not None, failed.error, failed.found) == (True, "no answer", None)
    assert (again.again, turns(again)) == (True, [(Turn.NEW, routed(30))])


def test_an_outage_for_another_reason_is_told_too():
    found = watched(ProviderError("a"), StateError("b"), OSError("c"), (), count=4)
    assert [look.error for look in found] == ["a", "b", "c", ""]
    assert (found[-1].first, found[-1].again) == (True, True)


@pytest.mark.parametrize("error", [ManifestError(()), RefusedError("offline")])
def test_what_is_wrong_from_the_beginning_ends_a_watch_and_later_it_does_not(error):
    with pytest.raises(type(error)):
        watched(error, count=1)
    assert watched((), error, count=2)[1].error == str(error)


def test_looks_begin_an_interval_apart():
    pauses: list[float] = []
    times = iter([0.0, 20.0, 60.0, 150.0, 150.0])
    found = looks(lambda: Drifted((), 0), interval_s=60, sleep=pauses.append, now=lambda: next(times))
    list(islice(found, 3))
    assert pauses == [40.0, 0.0]
