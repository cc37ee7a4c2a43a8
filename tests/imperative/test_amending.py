"""The words of `--set`, `--add` and `--remove`, as the Azure CLI reads them."""

from dataclasses import replace

import pytest

from reconciler.core.address import Address
from reconciler.core.amendment import Amendment
from reconciler.core.secret import Secret
from reconciler.errors import ManifestError, RefusedError
from reconciler.imperative.amending import amendment_of, refuse_loss, replacements
from tests.builders import blue, endpoint, plan_of, recorded

BLUE = Address("deployment", "blue", endpoint="credit")


def amendment(*, literal: bool = False, **words: list[str]) -> Amendment:
    return amendment_of(BLUE, literal=literal, **words)


def test_values_are_read_as_yaml_reads_them():
    made = amendment(sets=["instance_count=3", "app_insights_enabled=false", "tags.version=1.10", "tags={a: 1}"])
    assert made.values == (
        ("instance_count", 3),
        ("app_insights_enabled", False),
        ("tags.version", "1.10"),
        ("tags", {"a": 1}),
    )


def test_values_are_text_where_they_are_to_be():
    made = amendment(sets=["tags.on=true"], adds=["tags.list 3"], literal=True)
    assert (made.values, made.added) == ((("tags.on", "true"),), (("tags.list", "3"),))


def test_pairs_that_stand_together_are_one_object():
    made = amendment(adds=["a.list name=x value='1 2'", "a.list 3 name=y 4"])
    assert made.added == (
        ("a.list", {"name": "x", "value": "1 2"}),
        ("a.list", 3),
        ("a.list", {"name": "y"}),
        ("a.list", 4),
    )


def test_a_number_behind_a_field_is_the_item_of_a_list():
    made = amendment(removes=["tags.team", "a.list 0", "x y"])
    assert made.removed == ("tags.team", "a.list[0]", "x", "y")


@pytest.mark.parametrize(
    "words",
    [{"adds": ["a.list"]}, {"adds": [""]}, {"removes": ["0"]}, {"removes": [""]}, {"sets": ["x"]}],
    ids=str,
)
def test_words_of_another_form_are_refused_with_an_example(words: dict[str, list[str]]):
    with pytest.raises(ManifestError) as refused:
        amendment(**words)
    assert [problem.code for problem in refused.value.problems] == ["E-SET"]
    assert "write for example" in str(refused.value)


def test_what_is_deleted_and_made_anew_is_known_by_its_plan():
    state = recorded(endpoint(), blue())
    other = plan_of([endpoint(), blue(instance_type="Standard_F4s_v2", instance_count=2)], state)
    assert [(str(step.address), step.reason) for step in replacements(other)] == [
        ("deployment/credit/blue", "to be replaced: instance_type cannot change in place; ends 1 instance")
    ]
    assert replacements(plan_of([endpoint(), blue(instance_count=2)], state)) == ()
    assert replacements(plan_of([endpoint()], state)) == ()


def test_what_could_not_be_made_anew_is_not_deleted_for_that():
    state = recorded(endpoint(), blue(environment_variables={"A": "1", "B": "2"}))
    known = blue(instance_type="Standard_F4s_v2", environment_variables={"A": "1", "B": "2"})
    refuse_loss(plan_of([endpoint(), known], state))
    variables = {**known.spec["environment_variables"], "B": Secret("digest of 2")}
    unknown = replace(known, spec={**known.spec, "environment_variables": variables})
    with pytest.raises(RefusedError, match=r"the values of environment_variables\.B are not recorded"):
        refuse_loss(plan_of([endpoint(), unknown], state))
    in_place = replace(unknown, spec={**unknown.spec, "instance_type": "Standard_DS3_v2"})
    refuse_loss(plan_of([endpoint(), in_place], state))
