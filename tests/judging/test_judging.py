"""Policies over plans: what they deny and warn of, whom they are asked about, and what they cannot do."""

from dataclasses import replace
from pathlib import Path

import pytest
from bylaws_at_hand import denied, examples, said, wrong

from reconciler.core.blame import Blame
from reconciler.core.manifest import Past, Source
from reconciler.core.plan import Plan
from reconciler.core.state import State
from reconciler.judging.asking import Subject, asked
from reconciler.judging.judge import in_force
from reconciler.load.settings.bylaws import read_bylaws
from tests.builders import blue, endpoint, green, model, plan_of, recorded, resource

OWNED = {"tags": {"owner": "ana"}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policy(test: str, *, over: str = "step", name: str = "p", **more: str) -> str:
    told = "".join(f"{key}: {value!r}\n" for key, value in more.items())
    return f"name: {name}\nover: {over}\n{told}" + ("" if "warn_if" in more else f"deny_if: {test!r}\n")


def scaled(count: int) -> Plan:
    return plan_of([endpoint(), blue(instance_count=count, **OWNED)], recorded(endpoint(), blue(**OWNED)))


# What README shows.


def test_the_examples_have_no_mistake(folder: Path):
    assert wrong(folder, examples()) == []


def test_what_the_examples_allow_is_not_told(folder: Path):
    assert said(folder, scaled(10), examples()) == ()


def test_no_endpoint_is_deleted_in_prod(folder: Path):
    going = plan_of([], recorded(endpoint("old")))
    assert denied(folder, going, examples()) == [
        (
            "policy no-endpoint-deleted-in-prod (policies/p.yaml:1) denies step #1 delete endpoint/old: "
            "endpoints of prod are taken down by hand, after their callers"
        )
    ]
    assert said(folder, going, examples(), target="dev") == ()


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [
        ({"blue": 100}, {"blue": 80, "green": 20}, True),
        ({"blue": 100}, {"blue": 79, "green": 21}, False),
        ({"blue": 90, "green": 10}, {"blue": 60, "green": 40}, False),
        ({}, {"blue": 100}, True),
    ],
)
def test_traffic_moves_twenty_points_at_the_most(folder: Path, before: dict, after: dict, *, fits: bool):
    deployments = [blue(**OWNED), green(**OWNED)]
    state = recorded(endpoint(traffic=before), *deployments)
    moving = plan_of([endpoint(traffic=after), *deployments], state)
    if fits:
        assert said(folder, moving, examples()) == ()
    else:
        assert "policy traffic-moves-in-small-steps" in denied(folder, moving, examples())[0]


def test_eleven_instances_are_too_many_and_the_message_has_the_number(folder: Path):
    assert denied(folder, scaled(11), examples()) == [
        (
            "policy at-most-ten-instances (policies/p.yaml:15) denies step #1 scale deployment/credit/blue, "
            "field instance_count: ask the platform team for 11 instances"
        )
    ]


def test_an_image_is_named_by_its_digest(folder: Path):
    def made(image: str) -> Plan:
        return plan_of([resource("environment/sk:1", name="sk", version="1", image=image)], State())

    assert "images-by-digest" in denied(folder, made("python:3.11"), examples())[0]
    assert said(folder, made("python@sha256:" + "0" * 64), examples()) == ()


def test_a_deployment_has_an_owner_in_the_end_and_no_step_before_is_asked(folder: Path):
    state = recorded(endpoint(), blue())
    assert (
        "every-deployment-has-an-owner"
        in denied(folder, plan_of([endpoint(), blue(instance_count=2)], state), examples())[0]
    )
    both = plan_of([endpoint(), blue(instance_count=2, **OWNED)], state)
    assert [str(step.action) for step in both.steps] == ["scale", "roll_out"]
    assert said(folder, both, examples()) == ()


def test_only_the_team_writes_what_is_applied_as_far_as_the_author_is_known(folder: Path):
    plan = scaled(3)
    source = next(field.source for step in plan.steps for field in step.fields)
    assert source
    assert said(folder, plan, examples(), blames={source: Blame("c" * 40, "Ana")}) == ()
    told = denied(folder, plan, examples(), blames={source: Blame("c" * 40, "Eve")})
    assert told == [
        (
            "policy only-the-team (policies/p.yaml:34) denies step #1 scale deployment/credit/blue, "
            "field instance_count: Eve is not of the team"
        )
    ]


# Whom they are asked about.


def test_a_finding_stands_at_the_field_that_it_is_about(folder: Path):
    text = policy("field.after == 3", over="field", message="three is odd").replace("deny_if", "warn_if")
    [found] = said(folder, scaled(3), text)
    [field] = scaled(3).steps[0].fields
    assert (found.code, Source(found.file, found.line, found.column)) == ("W-BYLAW", field.source)


def test_a_finding_on_what_was_taken_out_stands_at_what_held_it_and_on_a_deletion_at_the_policy(folder: Path):
    text = policy("true", over="field", message="gone").replace("deny_if", "warn_if")
    plan = scaled(3)
    [step] = plan.steps
    [field] = step.fields
    held = Source("blue.yml", 4, 1)
    for now, place in ((held, ("blue.yml", 4)), (None, ("policies/p.yaml", 1))):
        gone = field._replace(source=Past("blue.yml", 99, 3, now=now, commit="c" * 40))
        [found] = said(folder, replace(plan, steps=(replace(step, fields=(gone,)),)), text)
        assert (found.file, found.line) == place


def test_what_comes_from_no_file_stands_at_the_policy(folder: Path):
    [found] = said(folder, plan_of([], recorded(model())), policy("true").replace("deny_if", "warn_if"))
    assert (found.file, found.line) == ("policies/p.yaml", 1)


@pytest.mark.parametrize(("names", "many"), [("[credit]", 1), ("['cr*']", 1), ("[other]", 0), ("[CREDIT]", 1)])
def test_a_policy_is_for_the_endpoints_that_it_names(folder: Path, names: str, many: int):
    text = f"{policy('true')}endpoints: {names}\n".replace("deny_if", "warn_if")
    assert len(said(folder, scaled(2), text)) == many


def test_a_plan_without_steps_is_not_asked_about(folder: Path):
    assert said(folder, plan_of([endpoint()], recorded(endpoint())), policy("true", over="plan")) == ()


def test_a_policy_sees_no_secret(folder: Path):
    state = recorded(endpoint())
    plan = plan_of([endpoint(), blue(environment_variables={"KEY": "hunter2"})], state)  # pragma: allowlist secret
    seen = "string(step.after.environment_variables.KEY)"
    assert denied(folder, plan, policy("true", message_expression=seen))[0].endswith(": (secret 1)")
    assert said(folder, plan, policy(f'{seen}.contains("hunter")')) == ()


def test_of_many_findings_some_are_told_and_how_many_more_there_are(folder: Path):
    plan = plan_of([model("risk", str(number)) for number in range(50)], State())
    told = said(folder, plan, policy("true").replace("deny_if", "warn_if"))
    assert (len(told), told[-1].message) == (21, "policy p (policies/p.yaml:1) says so of 30 more")


# What is wrong with them.


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: p\nover: step\ndeny_iff: 'true'\n", "3:1: E-BYLAW: deny_iff: unknown field (did you mean deny_if?)"),
        ("name: p\nover: step\n", "1:1: E-BYLAW: give one of deny_if and warn_if; here is neither"),
        ("over: step\ndeny_if: 'true'\n", "1:1: E-BYLAW: name is missing"),
        ("name: P p\nover: step\ndeny_if: 'true'\n", "1:1: E-BYLAW: name: expected a name"),
        ("name: p\nover: steps\ndeny_if: 'true'\n", "2:1: E-BYLAW: over: 'steps' is none of plan, resource, step"),
        ("name: p\nover: step\ndeny_if: true\n", "3:1: E-BYLAW: deny_if: expected an expression, as text in quotes"),
        ("name: p\nover: plan\nendpoints: [a]\ndeny_if: 'true'\n", "3:1: E-BYLAW: endpoints: a policy over the whole"),
        ("- a\n", "1:1: E-BYLAW: a policy is a mapping"),
        ("name: [\n", "E-YAML-SYNTAX"),
        (policy("true") + "---\n" + policy("false"), "5:1: E-BYLAW: name: p is the name of the policy of policies/p.y"),
        (policy("x" * 4001), "3:1: E-BYLAW: deny_if: expected at most 4000 characters; here are 4001"),
        (policy("1 +"), "3:1: E-BYLAW: policy p: deny_if: at 1:4 of the expression: Syntax error"),
        (policy("stepp.id > 1"), "3:1: E-BYLAW: policy p: deny_if: unknown variable stepp; here are step, target"),
        (policy("plan.steps == []"), "3:1: E-BYLAW: policy p: deny_if: unknown variable plan; here are step, target"),
        (policy("now() == 1"), "3:1: E-BYLAW: policy p: deny_if: unknown function now; there are all, bytes"),
        (policy("step.action"), "3:1: E-BYLAW: policy p: deny_if: gives text, not true or false"),
        (policy("true", message_expression="step.id"), "3:1: E-BYLAW: policy p: message_expression: gives a number"),
        (policy("(" * 900 + "true" + ")" * 900), "3:1: E-BYLAW: policy p: deny_if: "),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Path, text: str, told: str):
    assert told in "\n".join(wrong(folder, text))


def test_all_mistakes_come_at_once(folder: Path):
    text = "---\n".join([policy("1 +"), policy("foo", name="q"), policy("1", name="r"), "name: s\nover: x\n"])
    assert len(wrong(folder, text)) == 5


# What fails, fails closed.


def test_a_policy_that_cannot_be_evaluated_refuses(folder: Path):
    told = denied(folder, scaled(3), policy('step.after.nothing == "x"'))
    assert told == [
        (
            "policy p (policies/p.yaml:1) cannot be evaluated for step #1 scale deployment/credit/blue: "
            "there is no nothing; ask with has(…) first"
        )
    ]


def test_a_warning_that_cannot_be_evaluated_warns(folder: Path):
    [told] = said(folder, scaled(3), policy("1 / 0 > 1").replace("deny_if", "warn_if"))
    assert "cannot be evaluated for step #1" in told.message


@pytest.mark.parametrize(
    "endless",
    [
        "[1,2,3,4,5,6,7,8,9,10].all(a, " * 12 + "true" + ")" * 12,
        "['a']" + ".map(x, x + x)" * 40 + "[0] == 'a'",
    ],
    ids=["a loop in loops", "a text that doubles"],
)
def test_an_expression_that_would_not_end_is_cut_off_and_named(folder: Path, endless: str):
    (folder / "policies").mkdir()
    (folder / "policies/p.yaml").write_text(policy("true", name="fine") + "---\n" + policy(endless, name="endless"))
    bylaws = read_bylaws("policies").found
    names = {"step": ["step"]}
    answer = asked(bylaws, [Subject({"step": {}}, (0, 1))], {}, names, cpu_s=1)
    assert (answer.broken, answer.said) == (1, ())
    assert answer.why


def test_a_message_of_many_millions_of_letters_is_cut_where_it_is_made(folder: Path):
    (folder / "policies").mkdir()
    (folder / "policies/p.yaml").write_text(policy("true", message_expression="['a']" + ".map(x, x + x)" * 22 + "[0]"))
    bylaws = read_bylaws("policies").found
    [found] = asked(bylaws, [Subject({"step": {}}, (0,))], {}, {"step": ["step"]}).said
    assert (found.kind, len(found.words)) == ("found", 4000)


@pytest.mark.parametrize(
    "name", ["a\x1b[31mb", "::error::x", "`x`<b>", "\u202e", "x\ny", "a" * 5000, "${{ x }}", "'\"", "\ud800"]
)
def test_hostile_values_of_a_plan_are_values(folder: Path, name: str):
    plan = plan_of([endpoint(), blue(tags={"owner": name})], recorded(endpoint()))
    told = denied(folder, plan, policy('step.kind == "deployment"', message_expression="step.after.tags.owner"))
    assert len(told) == 1
    assert len(told[0]) < 700
    assert "\n" not in told[0]


# Whose count.


def test_a_folder_of_policies_that_is_a_link_out_of_the_repository_is_not_read(folder: Path):
    (folder / "repository/.git").mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside/p.yaml").write_text("secret: 1\n")
    (folder / "repository/policies").symlink_to("../outside")
    [told] = in_force(folder / "repository", environ={}).problems
    assert (told.code, told.message) == (
        "E-LINK-OUT",
        f"repository/policies links to {folder / 'outside'}, outside the repository",
    )


def test_without_a_folder_there_are_none(folder: Path):
    assert in_force(folder, environ={}).found == ()


def test_those_that_the_operator_names_count_and_what_the_checkout_changes_is_told(folder: Path):
    for name, text in {
        "policies": policy("false"),
        "theirs": policy("true") + "---\n" + policy("true", name="q"),
    }.items():
        (folder / name).mkdir()
        (folder / name / "p.yaml").write_text(text)
    (folder / "policies/new.yaml").write_text(policy("true", name="new"))
    bylaws = in_force(folder, environ={"MLOPS_POLICIES": "theirs"})
    assert [(each.name, each.test, each.place.file) for each in bylaws.found] == [
        ("p", "true", "theirs/p.yaml"),
        ("q", "true", "theirs/p.yaml"),
    ]
    assert [(each.code, each.message.partition(" in this")[0]) for each in bylaws.problems] == [
        ("W-BYLAW", "policy new is new"),
        ("W-BYLAW", "policy p is another"),
        ("W-BYLAW", "policy q is gone"),
    ]


def test_a_plan_by_itself_has_every_part_that_its_json_has(folder: Path):
    plan = replace(scaled(3), unchanged=7)
    test = 'plan.unchanged == 7 && plan.steps[0].address == plan.resources[0].address && plan.digest != ""'
    assert len(denied(folder, plan, policy(test, over="plan"))) == 1
