"""What instances say that they serve, against what is recorded."""

import pytest

from reconciler.core.address import Address
from reconciler.core.plan import Action
from reconciler.core.state import Drift, DriftClass, Served, Told
from reconciler.diff import ALTERED, altered, changes, fold, silent, with_served
from reconciler.order import order
from tests.builders import blue, live, model, recorded

BLUE = Address.parse("deployment/credit/blue")
CODE, RISK, OTHER = ("sha256:" + letter * 64 for letter in "abc")
STATE = recorded(
    model(path={"name": "risk.json", "digest": RISK}),
    blue(model="azureml:risk:1", code_configuration={"code": {"name": "src", "digest": CODE}}),
)
AS_RECORDED = {"code": Told(CODE, CODE, same=True), "model/risk.json": Told(RISK, RISK, same=True)}


def said(**parts: Told) -> Served:
    return Served(
        BLUE,
        "3f2a",
        {**AS_RECORDED, **{name.replace("model", "model/risk.json"): part for name, part in parts.items()}},
    )


def test_instances_that_serve_what_is_recorded_are_no_drift():
    assert with_served((), STATE, [said(), said()]) == []


@pytest.mark.parametrize(
    ("part", "field", "word", "digest"),
    [("code", "code_configuration.code", "code", CODE), ("model", "model", "model", RISK)],
)
def test_an_instance_that_serves_other_content_is_told_with_both_digests(part, field, word, digest):
    (drift,) = with_served((), STATE, [said(**{part: Told(OTHER, OTHER, same=True)})])
    assert (drift.address, drift.kind) == (BLUE, DriftClass.CHANGED)
    assert drift.note == f"instance 3f2a serves {word} {OTHER[:19]}, recorded {digest[:19]}"
    assert [(each.path, each.before, each.after) for each in drift.fields] == [(field, digest, OTHER)]


def test_an_edit_that_no_instance_has_loaded_is_told_as_what_it_is():
    (drift,) = with_served((), STATE, [said(code=Told(CODE, OTHER, same=False))])
    assert drift.note == (
        f"instance 3f2a serves what is recorded; a restart would serve code {OTHER[:19]}, edited since the start"
    )


def test_an_edit_of_which_nobody_knows_what_was_loaded_before_claims_nothing():
    (drift,) = with_served((), STATE, [said(model=Told("", OTHER, same=False))])
    assert "may serve other model than is recorded" in drift.note


def test_files_that_were_touched_and_are_equal_are_no_drift():
    assert with_served((), STATE, [said(code=Told(CODE, CODE, same=False))]) == []


def test_it_joins_what_else_drifted_of_a_deployment():
    known = Drift(BLUE, DriftClass.EXPECTED, note="autoscaled")
    (drift,) = with_served(
        [known], STATE, [said(code=Told(OTHER, OTHER, same=True)), said(code=Told(OTHER, OTHER, same=True))]
    )
    assert (drift.kind, drift.note.startswith("autoscaled; instance 3f2a serves"), len(drift.fields)) == (
        DriftClass.CHANGED,
        True,
        1,
    )


def test_instances_that_differ_likewise_are_told_together():
    other = {"code": Told(OTHER, OTHER, same=True)}
    (drift,) = with_served((), STATE, [Served(BLUE, f"i{number}", other) for number in range(7)])
    assert drift.note == f"instances i0, i1, i2, i3, i4 and 2 more serve code {OTHER[:19]}, recorded {CODE[:19]}"
    assert len(drift.fields) == 1


def test_an_inline_model_is_compared_and_one_from_elsewhere_is_not():
    inline = recorded(blue(model={"path": {"name": "risk.json", "digest": RISK}}))
    elsewhere = recorded(blue(model="azureml://registries/r/models/risk/versions/1"))
    told = [said(model=Told(OTHER, OTHER, same=True))]
    assert [len(with_served((), state, told)) for state in (inline, elsewhere)] == [1, 0]


def test_an_instance_that_says_nothing_is_named_with_the_reason():
    reading = said(model=Told("", "", same=True))
    assert silent([said(), Served(BLUE, "77", why="its server is not ours"), reading]) == (
        "deployment/credit/blue: instance 77: its server is not ours",
        "deployment/credit/blue: instance 3f2a: it is still reading its model",
    )


def test_instances_that_serve_other_content_are_a_symptom_which_a_roll_out_mends():
    other = Told(OTHER, OTHER, same=True)
    alive = live(model(), blue())
    found = altered(alive, STATE, [said(code=other), said(code=other, model=other)])
    assert [item.spec.get(ALTERED) for item in found] == [None, 1]
    assert altered(alive, STATE, [said()]) == tuple(alive)
    (step,) = order(changes([blue()], fold(recorded(blue()), found[1:])))
    assert (step.action, step.reason) == (Action.ROLL_OUT, "what instances serve is not what was laid down")
