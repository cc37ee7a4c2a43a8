"""A run is killed at every numbered point, by a real SIGKILL; one more apply, without hands, leaves nothing wrong."""

from collections.abc import Sequence

import pytest

from tests.faults.enumerated import PATIENCE_S, Enumerated, Found, enumerated
from tests.faults.small_world import AGAIN, EDIT, REVERT, WISHES

pytestmark = pytest.mark.timeout(PATIENCE_S + 60)

STEPS = (
    "create model/risk:2",
    "update endpoint/credit",
    "route endpoint/credit",
    "scale deployment/credit/blue",
    "roll_out deployment/credit/blue",
    "create deployment/credit/green",
    "delete deployment/credit/red",
    "delete deployment/credit/amber",
    "create deployment/credit/amber",
)
BEFORE_INTENT = ("before lock", "after lock", "before begin_run", "after begin_run", "before intend")
BEFORE_CALL = ("after intend", "before call", "half call")
EFFECT = ("written call", "synced call", "after call", "before finish")
DONE = ("after finish", "before end_run", "after end_run", "before unlock", "after unlock")


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Enumerated:
    folder = tmp_path_factory.getbasetemp()
    return enumerated(folder if worker_id == "master" else folder.parent)


def nothing_wrong(cases: Sequence[Found], *, each: Sequence[str] = ()) -> None:
    """All is well in all cases, of which there are some, and some of each of these steps."""
    assert cases
    assert [step for step in each if not any(case.at[-1].endswith(step) for case in cases)] == []
    wrong = [
        f"killed at {' and at '.join(case.at)}, then {case.wish}: {case.wrong}\n{case.repeat}"
        for case in cases
        if case.wrong
    ]
    assert not wrong, f"{len(wrong)} wrong ends\n" + "\n".join(wrong[:5])


def recovered_as(case: Found) -> set[str]:
    """What the last run told of the step at which the first was killed."""
    address = case.at[-1].split()[-1]
    return {told.removesuffix(f" {address}") for told in case.recovered if told.endswith(address)}


@pytest.mark.parametrize("wish", WISHES)
def test_f01_killed_before_an_intent_nothing_of_the_step_is_live(found: Enumerated, wish: str):
    cases = found.of(*BEFORE_INTENT, wish=wish)
    nothing_wrong(cases)
    # The step before it on its address may be done by then: how it ended is written together with the intent.
    before = [case for case in cases if case.at[-1].startswith("before intend")]
    assert [case.repeat for case in before if recovered_as(case) - {"done"}] == []


@pytest.mark.parametrize("wish", WISHES)
def test_f02_killed_between_intent_and_call_is_recovered_as_not_done(found: Enumerated, wish: str):
    cases = found.of(*BEFORE_CALL, wish=wish)
    nothing_wrong(cases, each=STEPS)
    assert [case.repeat for case in cases if recovered_as(case) != {"not done"}] == []


def test_f03_killed_between_effect_and_done_there_is_no_second_effect(found: Enumerated):
    cases = found.of(*EFFECT, wish=AGAIN)
    nothing_wrong(cases, each=STEPS)
    assert [case.repeat for case in cases if recovered_as(case) != {"done"}] == []


def test_f04_killed_after_done_the_next_run_continues_at_the_next_step(found: Enumerated):
    cases = found.of(*DONE, wish=AGAIN)
    nothing_wrong(cases, each=[f"finish {step}" for step in STEPS])
    # The next step on its address may be intended by then: its intent is written together with how this one ended.
    after = [case for case in cases if case.at[-1].startswith("after finish")]
    assert [case.repeat for case in after if recovered_as(case) - {"not done"}] == []


def test_f05_killed_after_the_effect_and_reverted_there_is_no_orphan(found: Enumerated):
    nothing_wrong(found.of(*EFFECT, wish=REVERT), each=STEPS)


def test_f06_killed_after_the_effect_and_renamed_the_old_one_is_removed(found: Enumerated):
    nothing_wrong(found.of(*EFFECT, wish=EDIT), each=STEPS)


@pytest.mark.parametrize("wish", WISHES)
def test_f07_killed_during_recovery_still_converges(found: Enumerated, wish: str):
    during = found.of("", wish=wish, kills=2)
    at = {" ".join(case.at[-1].split()[:2]) for case in during}
    assert at >= {f"{moment} {what}" for moment in ("before", "after") for what in ("fence", "observe", "finish")}
    nothing_wrong(during)


def test_every_point_of_the_run_was_tried_with_every_wish(found: Enumerated):
    once = [case for case in found.cases if len(case.at) == 1]
    assert len(once) == len(found.points) * len(WISHES)
    assert len(found.points) > 7 * len(STEPS)
