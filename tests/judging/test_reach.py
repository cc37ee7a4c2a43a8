"""What an expression does not reach is not laid out for it, and what it says is the same."""

from functools import cache

import pytest

from reconciler.judging import evaluator
from reconciler.judging.reach import reached

STEP = {
    "id": 1,
    "action": "route",
    "fields": [{"path": "traffic.blue", "before": None, "after": 10}],
    "before": None,
    "after": {"traffic": {"blue": 10, "green": 90}, "tags": {"owner": "ana", "cost": None}, "steps": [1, 2, 3]},
    "empty": {},
}
EXPRESSIONS = [
    "step.id == 1",
    "step.before == null",
    "step.before != null && step.before.x == 1",
    "step.after != null && has(step.after.tags)",
    "has(step.after.nothing)",
    "step.after.tags.owner.startsWith('a')",
    "'owner' in step.after.tags",
    "step['after']['tags']['owner'] == 'ana'",
    "step.after[\"tags\"].owner == 'ana'",
    "step .after. tags.owner == 'ana'",
    "step.after.traffic.exists(name, step.after.traffic[name] > 50)",
    "step.after.exists(key, key == 'tags')",
    "step.exists(key, key == 'empty')",
    "size(step.after.traffic) == 2 && size(step.after.steps) == 3",
    "size(step.after.tags) == 2 && step.after.tags.owner == 'ana'",
    "step.fields.exists(f, f.path.matches('^traffic') && f.after == 10 && step.id == 1)",
    "step.after.tags == {'owner': 'ana', 'cost': null}",
    "step == step && step.empty == {}",
    "size(step) == 6",
    "has(step.after.tags.cost) && step.after.tags.cost == null",
    "step.after.tags.owner == null || step.after.tags.owner == 'ana'",
    "[step].all(s, s.after.tags.owner == 'ana')",
    "step.after.nothing == null",
    "step.after.traffic.blue > 5 ? step.action == 'route' : step.nothing",
    "step.before.traffic.blue > 5",
    "'step' == 'step'",
    "has(step.fields[0].path) && step.fields[0].before == null",
]


CEL = cache(evaluator.library)
"""It can be loaded once in a process."""


def what(expression: str, variables: dict) -> str:
    """What an expression gives, or how it fails."""
    cel = CEL()
    try:
        return repr(cel.compile(expression).execute(cel.Context(variables)))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is to be the same
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_gives_the_same_with_what_it_reaches_as_with_everything(expression: str):
    reach = reached("step", [expression])
    assert reach
    assert what(expression, {"step": reach.of(STEP)}) == what(expression, {"step": STEP})


def test_what_is_not_reached_is_not_laid_out():
    reach = reached(
        "step", ["step.id > 1 && step.after != null", "step.after.tags.owner == 'x' && size(step.fields) > 1"]
    )
    assert reach
    assert reach.of(STEP)["id"] == 1
    assert reach.of(STEP)["fields"] == [None]
    assert reach.of(STEP)["after"]["tags"] == {"owner": "ana"}
    assert reach.of(STEP)["after"]["traffic"] is None
    assert "action" not in reach.of(STEP)


@pytest.mark.parametrize("expression", ["plan.steps == []", "steps.x", "a.step.x", "stepx.y"])
def test_a_variable_that_is_not_named_is_not_laid_out_at_all(expression: str):
    assert reached("step", [expression]) is None
