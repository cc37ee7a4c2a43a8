"""What a plan keeps secret is taken out of what a platform says, however many secrets there are."""

from dataclasses import replace

import pytest

from reconciler.apply.concealing import concealer
from reconciler.core.plan import Plan
from reconciler.core.secret import Secret
from reconciler.core.state import State
from tests.builders import endpoint, plan_of

LONG = 'päss "word" & more'


def plan(*values: str) -> Plan:
    """One whose steps have these secrets."""
    made = plan_of([endpoint()], State())
    (step,) = made.steps
    found = {f"K{number}": Secret.of(value, b"key") for number, value in enumerate(values)}
    return replace(made, steps=(replace(step, after={"environment_variables": found}),))


def test_a_plan_without_secrets_conceals_nothing():
    assert concealer(plan())("as it is") == "as it is"


@pytest.mark.parametrize(
    "said",
    [
        LONG,
        'p\\u00e4ss \\"word\\" & more',
        'päss \\"word\\" & more',
        "p%C3%A4ss%20%22word%22%20%26%20more",
        f" {LONG} ",
    ],
    ids=["plain", "JSON", "JSON of letters", "address", "in between"],
)
def test_a_secret_is_found_in_every_form_that_a_platform_may_say_it_in(said: str):
    assert concealer(plan(LONG))(f"no {said}!").replace(" ", "") == "no***!"


def test_the_longer_of_two_secrets_that_begin_alike_is_hidden_whole():
    assert concealer(plan("secret-1", "secret-12", "secret-3"))("secret-12, secret-1 secret-3") == "***, *** ***"


def test_secrets_side_by_side_at_both_ends_are_all_hidden():
    assert concealer(plan("secret-1", "secret-2"))("secret-1secret-2 secret-2") == "****** ***"


def test_what_is_too_short_to_be_told_from_words_stays():
    assert concealer(plan("true", "secret"))("true secret secre") == "true *** secre"


def test_each_of_thousands_of_secrets_is_hidden():
    values = [f"{number:04}-secret" for number in range(3000)]
    conceal = concealer(plan(*values))
    assert {conceal(f"no {value} here") for value in values} == {"no *** here"}
