"""Metrics for Prometheus: valid whatever the names are, and merged with what other runs wrote."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.plan import Outcome, Result
from reconciler.core.state import Drift, DriftClass, State
from reconciler.render.prometheus import apply_metrics, drift_metrics, failure_metrics, merged, plan_metrics
from tests.builders import blue, endpoint, plan_of

PLAN = plan_of([endpoint(traffic={"blue": 100}), blue()], State())
BLUE = Drift(Address.parse("deployment/credit/blue"), DriftClass.MISSING)
# The text format by its documentation: names, labels whose values escape three characters, a number.
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
LINE = re.compile(rf"# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{{{LABEL}(,{LABEL})*\}} [0-9.e+-]+")


def drifted(*drifts: Drift, target: str = "dev", now: float = 7) -> str:
    return drift_metrics(drifts, target=target, recorded=4, unfinished=0, silent=0, now=now)


def test_drift_is_counted_by_class_and_told_by_resource():
    lines = drifted(BLUE).splitlines()
    assert {
        'mlops_drift{target="dev",class="missing"} 1',
        'mlops_drift{target="dev",class="changed"} 0',
        'mlops_drift{target="dev",class="label"} 0',
        'mlops_drift_resource{target="dev",address="deployment/credit/blue",class="missing"} 1',
        'mlops_recorded_resources{target="dev"} 4',
        'mlops_last_success_timestamp_seconds{target="dev",command="drift"} 7',
    } <= set(lines)


def test_a_plan_tells_what_is_to_be_done_and_an_apply_what_is_left_of_it():
    assert 'mlops_plan_changes{target="test",action="create"} 2' in plan_metrics(PLAN, now=1)
    first, second, third = PLAN.steps
    outcomes = [Outcome(first, Result.SUCCEEDED), Outcome(second, Result.FAILED), Outcome(third, Result.SKIPPED)]
    told = apply_metrics(PLAN, outcomes, now=1, exit_code=5)
    assert 'mlops_plan_changes{target="test",action="create"} 1' in told
    assert 'mlops_apply_steps{target="test",result="failed"} 1' in told
    assert 'mlops_last_run_exit_code{target="test",command="apply"} 5' in told
    assert "mlops_last_success" not in told


@given(st.text(), st.text(min_size=1))
def test_every_line_is_valid_whatever_the_names_are_and_is_read_back(target, name):
    text = drifted(Drift(Address("endpoint", name), DriftClass.UNMANAGED), target=target)
    assert all(line.isprintable() for line in text.removesuffix("\n").split("\n"))
    assert all(LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n"))
    assert merged(text, failure_metrics(target=f"{target}'s", command="plan", exit_code=1, now=9)).startswith(
        text[: text.index("# HELP mlops_last_run")]
    )


def test_a_run_replaces_what_was_told_of_its_target_and_keeps_the_rest():
    former = merged(merged(drifted(BLUE), drifted(BLUE, target="prod")), plan_metrics(PLAN, now=1))
    found = merged(former, drifted(now=9))
    assert 'mlops_drift_resource{target="prod"' in found
    assert 'mlops_drift_resource{target="dev"' not in found
    assert 'mlops_drift{target="dev",class="missing"} 0' in found
    assert 'mlops_plan_changes{target="test",action="create"} 2' in found
    assert 'mlops_last_success_timestamp_seconds{target="dev",command="drift"} 9' in found
    assert found.count("# TYPE mlops_drift gauge") == 1


def test_a_run_that_came_to_nothing_leaves_what_was_told_and_when_it_last_succeeded():
    found = merged(drifted(BLUE), failure_metrics(target="dev", command="drift", exit_code=1, now=9))
    assert 'mlops_drift{target="dev",class="missing"} 1' in found
    assert 'mlops_last_success_timestamp_seconds{target="dev",command="drift"} 7' in found
    assert 'mlops_last_run_timestamp_seconds{target="dev",command="drift"} 9' in found
    assert 'mlops_last_run_exit_code{target="dev",command="drift"} 1' in found


@pytest.mark.parametrize("former", ["", "no metrics\n", 'mlops_drift{target="x"} nonsense\n', 'up{a="b"} 1\n', "\x00"])
def test_what_is_no_sample_of_ours_does_not_spoil_the_file(former):
    assert merged(former, drifted()) == drifted()
