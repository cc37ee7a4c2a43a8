"""How plans and drifts read, and that nothing in a file can act on who reads them."""

import json
from dataclasses import replace

import pytest

from reconciler.core.address import Address
from reconciler.core.blame import Blame
from reconciler.core.manifest import Past, Source
from reconciler.core.plan import Became, FieldChange, Outcome, Recovery, Result
from reconciler.core.state import Drift, DriftClass, State
from reconciler.diff import drifts
from reconciler.errors import MlopsError
from reconciler.render import as_json, markdown
from reconciler.render.answers import answer_text, queried
from reconciler.render.text import drift_text, outcomes_text, plan_text
from reconciler.render.values import Veil, one_line, printable, printable_lines
from tests.builders import blue, endpoint, live, plan_of, recorded

ESCAPES = "\x1b[2J\u202eevil\n::error::"


def test_a_plan_shows_step_reason_fields_places_and_what_a_step_waits_for():
    state = recorded(endpoint(), blue(model="azureml:risk:1"))
    assert plan_text(plan_of([endpoint(), blue(model="azureml:risk:2", instance_count=3)], state)) == (
        "  #1 ~ scale deployment/credit/blue (instance_count changed)\n"
        "       instance_count  1 -> 3   [x.yml:4]\n"
        "  #2 ~ roll_out deployment/credit/blue (model changed, after #1)\n"
        "       model  azureml:risk:1 -> azureml:risk:2   [x.yml:3]\n"
        "\n"
        "Plan: 1 to scale, 1 to roll out; 0 unchanged (target test)."
    )


def test_beside_each_place_stands_who_wrote_it_whoever_wrote_its_neighbours():
    made, there = plan_of([blue(model="azureml:risk:1", instance_count=3)], State()), Source("a\x1b.yml", 1)
    sources = [there, Source("b.yml", 1), there, Past("a\x1b.yml", 1, now=there, commit="2" * 40), None]
    fields = [FieldChange(f"f{n}", None, n, source) for n, source in enumerate(sources)]
    ana, ben = Blame("1" * 40, "Ana"), Blame("2" * 40, "Ben\u202e")
    blame = {sources[0]: ana, sources[1]: ben, sources[3]: ben}
    assert plan_text(replace(made, steps=[replace(made.steps[0], fields=fields)]), blame=blame) == (
        "  #1 + create deployment/credit/blue (new)\n"
        "       f0  0   [a\\x1b.yml:1 111111111111 Ana]\n"
        "       f1  1   [b.yml:1 222222222222 Ben\\u202e]\n"
        "       f2  2   [a\\x1b.yml:1 111111111111 Ana]\n"
        "       f3  3   [was a\\x1b.yml:1 222222222222 Ben\\u202e]\n"
        "       f4  4\n"
        "\n"
        "Plan: 1 to create; 0 unchanged (target test)."
    )


def test_a_plan_without_steps_says_so():
    assert plan_text(plan_of([endpoint()], recorded(endpoint()))).startswith("No changes.")


CUT_OFF = Recovery(
    "op", "scale", blue().address, "2026-02-03T12:04:31Z", (FieldChange("instance_count", 1, 3),), Became.NOT_DONE
)
HOLDER = {"user": "ana", "host": "laptop", "pid": 7, "command": "mlops apply", "started": "2026-02-03T12:04:31Z"}


def with_recovery(**more):
    return replace(plan_of([endpoint()], recorded(endpoint())), recovery=(CUT_OFF,), **more)


def test_a_plan_says_of_each_operation_without_an_end_what_it_was_to_do_and_what_apply_will_find():
    assert plan_text(with_recovery()) == (
        "  ! recover deployment/credit/blue (scale of 2026-02-03T12:04:31Z has no end; apply looks at what is there "
        "first; as it looks, it was not done)\n"
        "       instance_count  1 -> 3\n"
        "\n"
        "Plan: nothing to change; 0 unchanged (target test)."
    )


def test_a_plan_says_who_is_at_work_instead_of_what_would_be_recovered():
    assert plan_text(with_recovery(holder=HOLDER)) == (
        "  ! in progress by ana@laptop (pid 7, mlops apply) since 2026-02-03 12:04:31 UTC: scale "
        "deployment/credit/blue\n"
        "\n"
        "Plan: nothing to change; 0 unchanged (target test)."
    )


def test_json_tells_recovery_and_progress_apart():
    told = {"operation": "op", "action": "scale", "address": "deployment/credit/blue", "found": "not done"}
    cut_off, under_way = as_json.plan_json(with_recovery()), as_json.plan_json(with_recovery(holder=HOLDER))
    assert told.items() <= cut_off["recovery"][0].items()
    assert cut_off["recovery"][0]["fields"][0]["after"] == 3
    assert cut_off["in_progress"] is None
    assert under_way["recovery"] == []
    assert HOLDER.items() <= under_way["in_progress"].items()
    assert told.items() <= under_way["in_progress"]["operations"][0].items()


def test_markdown_tells_recovery_and_progress_apart():
    cut_off, under_way = map(markdown.plan_markdown, (with_recovery(), with_recovery(holder=HOLDER)))
    assert "| `deployment/credit/blue` | `scale of 2026-02-03T12:04:31Z has no end" in cut_off
    assert "| `instance_count` | `1 -> 3` |" in cut_off
    assert "**`in progress by ana@laptop" in under_way
    assert "has no end" not in under_way


def test_a_changed_list_shows_the_items_that_came_and_went():
    def wanted(*packages):
        return blue(environment={"conda_file": {"dependencies": list(packages)}})

    text = plan_text(
        plan_of([endpoint(), wanted("numpy=2", "scipy")], recorded(endpoint(), wanted("numpy=1", "scipy")))
    )
    assert "environment.conda_file.dependencies[0]  + numpy=2" in text
    assert "environment.conda_file.dependencies[0]  - numpy=1" in text
    assert "scipy" not in text


def test_secrets_are_numbered_so_that_equal_ones_show_as_equal():
    plan = plan_of([endpoint(), blue(environment_variables={"A": "hunter2", "B": "hunter2", "C": "other"})], State())
    for said in (plan_text(plan), markdown.plan_markdown(plan), json.dumps(as_json.plan_json(plan))):
        assert "hunter2" not in said
        assert said.count("(secret 1)") == 2
        assert said.count("(secret 2)") == 1


def test_the_password_of_an_address_is_not_shown():
    line = "--index-url https://ana:hunter2@packages.example/simple"
    plan = plan_of([endpoint(), blue(environment={"conda_file": {"dependencies": [line]}})], State())
    for said in (plan_text(plan), markdown.plan_markdown(plan), json.dumps(as_json.plan_json(plan))):
        assert "hunter2" not in said
        assert "packages.example" in said


def test_what_cannot_be_printed_is_spelled_out():
    assert printable(ESCAPES) == "\\x1b[2J\\u202eevil\\n::error::"
    plan = plan_of([endpoint(description=ESCAPES, tags={ESCAPES: ESCAPES})], State())
    assert all(line.isprintable() for line in plan_text(plan).splitlines())


def test_markdown_of_hostile_values_stays_inert():
    plan = plan_of([endpoint(description="| `x` <script> @team", tags={"</details>": "``` [a](b)"})], State())
    said = markdown.plan_markdown(plan)
    assert "<script>" not in said.replace("`` \\| `x` <script> @team ``", "")
    assert all(line.count("|") - line.count("\\|") in (0, 4, 7) for line in said.splitlines())


def test_a_value_that_is_too_long_is_cut():
    assert len(one_line("x" * 1000, Veil())) == 120


def test_digests_are_short_in_text_and_whole_in_json():
    digest = "sha256:" + "ab" * 32
    plan = plan_of([endpoint(), blue(model={"path": {"digest": digest, "name": "m"}})], State())
    assert "sha256:abababababab " in plan_text(plan)
    assert digest in json.dumps(as_json.plan_json(plan))


def test_a_drift_shows_recorded_and_live():
    found = drifts(recorded(blue(instance_count=2)), live(blue(instance_count=1)))
    assert drift_text(found, recorded=1, target="dev") == (
        "  ~ deployment/credit/blue: changed\n"
        "      instance_count: recorded 2, live 1\n"
        "\n"
        "Drift: 1 of 1 recorded resources (target dev).\n`mlops plan` shows how apply mends it."
    )


def test_the_end_of_an_apply_tells_what_failed_with_the_last_lines_of_its_logs():
    (step,) = plan_of([endpoint()], State()).steps
    said = outcomes_text([Outcome(step, Result.FAILED, "init() failed", ("Traceback", "ValueError: no\x1b"))])
    assert said == (
        "#1 create endpoint/credit: failed: init() failed\n    | Traceback\n    | ValueError: no\\x1b\nApply: 1 failed."
    )


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        ("x", "tsv", "x"),
        ('{\n\t"a": 1\n}', "tsv", '{\n\t"a": 1\n}'),
        (True, "tsv", "true"),
        ({"a": 1, "b": {"c": 2}, "d": True, "e": [7, 8]}, "tsv", "1\t\tTrue\t2"),
        (["a", True, {"x": 1}, [1, 2]], "tsv", "a\ntrue\n1\n1\t2"),
        ([{"a": 1}, {"a": None}], "tsv", "1\nNone"),
        ([["a", True], [None, 5]], "tsv", "a\tTrue\nNone\t5"),
        ([{"name": "x", "n": 1}, {"name": "yy", "n": 22}], "table", "Name    N\n------  ---\nx       1\nyy      22"),
        ([{"b": "a", "c": True}, {"b": None, "c": 5}], "table", "B    C\n---  ----\na    True\n     5"),
        (
            {"id": "/x", "type": "t", "auth_mode": "key", "tags": {}, "none": None},
            "table",
            "Auth_mode\n-----------\nkey",
        ),
        ([["a", True], [None, 5]], "table", "Column1    Column2\n---------  ---------\na          True\n           5"),
        ("key", "table", "Result\n--------\nkey"),
        ([], "table", ""),
        ({"a": 1}, "json", '{\n  "a": 1\n}'),
    ],
)
def test_answers_are_printed_as_the_azure_cli_prints_them(value, form, text):
    assert answer_text(value, form) == text


def test_a_query_names_a_part_of_the_answer():
    assert queried({"a": [{"b": 1}]}, "a[0].b") == 1
    with pytest.raises(MlopsError, match="not a JMESPath"):
        queried({}, "a[")


def test_what_is_amiss_is_told_as_it_is_and_not_as_a_change():
    found = Drift(
        Address.parse("deployment/credit/blue"), DriftClass.CHANGED, (FieldChange("lost_instances", None, 2),)
    )
    assert "      lost_instances: 2\n" in drift_text([found], recorded=1, target="dev")


def test_several_lines_stay_lines_and_cannot_act_on_a_terminal_either() -> None:
    assert printable_lines("first\r\nsecond \x1b[2J\n\n") == "first\nsecond \\x1b[2J"
