"""What a watcher decides, of facts alone."""

from dataclasses import replace
from itertools import product

import pytest

from reconciler.core.address import Address
from reconciler.watch.deciding import Branch, Chosen, Do, Facts, Hold, choose, decide, is_forbidden, pause

BLUE = Address("deployment", "blue", endpoint="credit")
CREDIT, SKLEARN = Address("endpoint", "credit"), Address("environment", "sklearn", version="1")
NEW = Facts("c2", is_new=True, steps=(CREDIT, BLUE), heals=(), plan="p")
DRIFTED = replace(NEW, is_new=False)


@pytest.mark.parametrize("is_new", [True, False])
def test_without_steps_there_is_nothing_to_do_whatever_else_holds(is_new: bool):
    facts = Facts("c2", is_new=is_new, tried="c2", undone="c2", closed="night", suspended="ada", holder="ben")
    assert decide(facts).do is Do.REST


def test_a_new_commit_is_applied_whole_whether_or_not_drift_is_brought_back():
    for heals in ((), (CREDIT,), (CREDIT, BLUE)):
        decision = decide(replace(NEW, heals=heals))
        assert (decision.do, decision.only) == (Do.APPLY, ())


def test_drift_stays_where_self_heal_is_off():
    assert decide(DRIFTED).hold is Hold.DRIFT


def test_drift_is_brought_back_where_self_heal_is_on():
    decision = decide(replace(DRIFTED, heals=DRIFTED.steps))
    assert (decision.do, decision.only) == (Do.APPLY, ())


def test_of_some_endpoints_alone_drift_is_brought_back_alone():
    decision = decide(replace(DRIFTED, steps=(CREDIT, BLUE, BLUE), heals=(BLUE, BLUE)))
    assert (decision.do, decision.only) == (Do.APPLY, (BLUE,))


def test_what_was_cut_off_is_settled_also_without_steps_and_without_self_heal():
    assert decide(Facts("c1", unsettled=True)).do is Do.APPLY


def test_a_commit_has_one_try():
    assert decide(replace(NEW, tried="c2", tried_plan="p")).hold is Hold.FAILED


@pytest.mark.parametrize("moved", [{"commit": "c3"}, {"plan": "q"}])
def test_a_new_commit_or_a_plan_that_moved_is_worth_another_try(moved: dict[str, str]):
    assert decide(replace(NEW, tried="c2", tried_plan="p", **moved)).do is Do.APPLY


def test_a_failed_run_of_which_nobody_knows_what_was_left_was_a_try():
    assert decide(replace(NEW, tried="c2", tried_plan="")).hold is Hold.FAILED


def test_a_failed_apply_is_not_tried_again_under_the_name_of_self_heal():
    assert decide(replace(DRIFTED, heals=DRIFTED.steps, tried="c2", tried_plan="p")).hold is Hold.FAILED


def test_a_commit_that_was_rolled_back_stays_so_until_another_one_comes():
    held = replace(NEW, undone="c2", heals=NEW.steps)
    assert decide(held).hold is Hold.UNDONE
    assert decide(replace(held, is_new=False)).hold is Hold.UNDONE
    assert decide(replace(held, commit="c3")).do is Do.APPLY


def test_whatever_forbids_it_nothing_is_done():
    """Every set of reasons: one that people gave is told before one that the watcher found."""
    reasons = {
        "suspended": ("by ada", Hold.SUSPENDED),
        "holder": ("ben", Hold.BUSY),
        "undone": ("c2", Hold.UNDONE),
        "tried": ("c2", Hold.FAILED),
        "closed": ("night", Hold.WINDOW),
    }
    for chosen in product([False, True], repeat=len(reasons)):
        given = {name: word for (name, (word, _)), is_given in zip(reasons.items(), chosen, strict=True) if is_given}
        decision = decide(replace(NEW, **given))
        first = next((hold for name, (_, hold) in reasons.items() if name in given), None)
        assert (decision.do, decision.hold) == (Do.HOLD if first else Do.APPLY, first), given
        assert bool(decision.why) is bool(first)


def test_what_forbids_a_commit_is_known_without_a_plan():
    assert not is_forbidden(Facts("c2", is_new=True, tried="c1", undone="c1"))
    for reason in ({"tried": "c2"}, {"undone": "c2"}, {"closed": "night"}, {"suspended": "ada"}):
        assert is_forbidden(replace(Facts("c2", is_new=True), **reason))


def test_the_head_counts():
    assert choose(Branch("c2", "c1")) == Chosen("c2")
    assert choose(Branch("c1")) == Chosen("c1")


def test_a_head_that_is_not_trusted_leaves_the_former_commit():
    for follows, accepted in product([False, True], repeat=2):
        chosen = choose(Branch("c2", "c1", "not signed", follows, accepted))
        assert (chosen.commit, chosen.hold) == ("c1", Hold.UNSIGNED)
    assert choose(Branch("c1", "", "not signed")).commit == ""


def test_rewritten_history_leaves_the_former_commit_unless_it_is_accepted():
    assert choose(Branch("c2", "c1", follows=False)).hold is Hold.REWRITTEN
    assert choose(Branch("c2", "c1", follows=False)).commit == "c1"
    assert choose(Branch("c2", "c1", follows=False, accepted=True)) == Chosen("c2")


def test_pauses_double_with_each_failure_up_to_a_bound():
    pauses = [pause(60, failures, longest_s=600, jitter=0, dice=0) for failures in range(7)]
    assert pauses == [60, 60, 120, 240, 480, 600, 600]
    assert pause(60, 10**9, longest_s=600, jitter=0, dice=0) == 600


def test_no_pause_is_longer_than_it_would_be_without_chance():
    """So that an interval is a promise."""
    assert pause(60, 0, longest_s=600, jitter=0.1, dice=0) == 60
    assert pause(60, 0, longest_s=600, jitter=0.1, dice=1) == pytest.approx(54)


def test_the_bound_is_never_shorter_than_an_interval():
    assert pause(3600, 5, longest_s=600, jitter=0, dice=0) == 3600
