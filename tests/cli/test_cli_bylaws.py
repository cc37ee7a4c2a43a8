"""Policies over plans on the command line: refusals with 4, warnings, validation, and whose count."""

import json

import pytest
from command_line import Repository

NO_DELETION = "name: keep\nover: step\ndeny_if: step.action == 'delete'\nmessage: nothing goes\n"
TWO = "name: two\nover: field\ndeny_if: field.path == 'instance_count' && field.after == 2\nmessage: two is none\n"
REFUSED = 4


def test_what_a_policy_denies_is_neither_applied_nor_destroyed(applied: Repository):
    applied.write("policies/keep.yaml", NO_DELETION)
    applied.write("policies/two.yaml", TWO)
    before = applied.live()
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    told = (
        "mlops: manifests/blue.yml:10:1: E-DENIED: policy two (policies/two.yaml:1) denies "
        "step #1 scale deployment/credit/blue, field instance_count: two is none\n"
    )
    assert applied.mlops("plan", code=REFUSED).err == told
    assert applied.apply(code=REFUSED).err == told
    destroyed = applied.mlops("destroy", "--auto-approve", code=REFUSED).err
    assert "policy keep (policies/keep.yaml:1) denies step #2 delete deployment/credit/blue" in destroyed
    assert applied.live() == before


def test_a_saved_plan_is_judged_by_the_policies_of_the_day_that_it_is_applied(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.mlops("plan", "--out", "p.json")
    applied.write("policies/two.yaml", TWO)
    assert "E-DENIED: policy two" in applied.mlops("apply", "--plan", "p.json", code=REFUSED).err


def test_a_warning_is_told_and_the_plan_is_made(applied: Repository):
    applied.write("policies/two.yaml", TWO.replace("deny_if", "warn_if"))
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    planned = applied.mlops("plan")
    assert "W-BYLAW: policy two (policies/two.yaml:1) warns of step #1" in planned.err
    assert "1 to scale" in planned.out
    assert "W-BYLAW: policy two" in applied.apply().err


def test_every_mistake_is_told_by_a_validation_and_refuses_a_plan(repo: Repository):
    repo.write("policies/a.yaml", "name: a\nover: step\ndeny_if: 'step.action =='\n")
    repo.write("policies/b.yaml", "name: b\nover: stop\ndeny_if: 'true'\n")
    said = repo.mlops("validate", code=1).out
    assert "policies/a.yaml:3:1: E-BYLAW: policy a: deny_if: at 1:15 of the expression" in said
    assert "policies/b.yaml:2:1: E-BYLAW: over: 'stop' is none of" in said
    assert "policies/b.yaml:2:1: E-BYLAW" in repo.mlops("plan", code=1).err
    repo.remove("policies/b.yaml")
    assert "policies/a.yaml:3:1: E-BYLAW" in repo.mlops("plan", code=1).err


def test_a_change_lifts_no_policy_that_is_taken_from_elsewhere(applied: Repository):
    applied.write("policies/two.yaml", TWO)
    applied.write(".gitignore", ".mlops\nlive.jsonl\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"], ["checkout", "-qb", "lift"]):
        applied.git(*words)
    applied.remove("policies/two.yaml")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert applied.steps() == ["scale deployment/credit/blue"]
    for told in (
        applied.mlops("plan", "--policies", "main:policies", code=REFUSED),
        applied.mlops("plan", code=REFUSED, MLOPS_POLICIES="main:policies"),
    ):
        assert "policy two (main:policies/two.yaml:1) denies step #1" in told.err
    applied.edit("manifests/blue.yml", "instance_count: 2", "instance_count: 3")
    assert "policy two is gone in this checkout" in applied.mlops("plan", "--policies", "main:policies").err
    applied.write("policies/new.yaml", "name: new\nover: step\ndeny_if: stop.id > 1\n")
    said = applied.mlops("validate", "--policies", "main:policies", code=1).out
    assert "policies/new.yaml:3:1: E-BYLAW: policy new: deny_if: unknown variable stop" in said
    applied.mlops("plan", "--policies", "main:policies")


def test_a_place_of_policies_that_is_not_there_is_no_empty_one_but_a_revision_may_have_none(applied: Repository):
    assert "E-PATH: nowhere is not there" in applied.mlops("plan", "--policies", "nowhere", code=1).err
    applied.write(".gitignore", ".mlops\nlive.jsonl\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
        applied.git(*words)
    applied.write("policies/two.yaml", TWO)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert "policy two is new in this checkout" in applied.mlops("plan", "--policies", "main:policies").err
    for wrong in ("main:polices", "mein:policies"):
        assert "E-GIT" in applied.mlops("plan", "--policies", wrong, code=1).err


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_policy_knows_the_command_and_whether_the_checkout_is_clean(applied: Repository, command: str):
    clean = "name: clean\nover: plan\ndeny_if: command == 'apply' && checkout.dirty\nmessage: commit first\n"
    applied.write("policies/clean.yaml", clean)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.write(".gitignore", ".mlops\nlive.jsonl\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        applied.git(*words)
    applied.write("new.txt", "not committed")
    words = ["apply", "--auto-approve"] if command == "apply" else ["plan"]
    said = applied.mlops(*words, code=REFUSED if command == "apply" else 0)
    assert ("policy clean" in said.err) is (command == "apply")


def committed(repo: Repository) -> None:
    repo.write(".gitignore", ".mlops\nlive.jsonl\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
        repo.git(*words)


@pytest.mark.parametrize(("author", "code"), [("ana@example.org", 0), ("eve@example.org", REFUSED)])
def test_a_policy_knows_who_last_wrote_the_line_of_a_field(applied: Repository, author: str, code: int):
    test = f"field.path == 'instance_count' && field.author != '{author}'"
    applied.write("policies/team.yaml", f"name: team\nover: field\ndeny_if: {json.dumps(test)}\n")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    committed(applied)
    applied.mlops("plan", code=code)


def test_a_rollback_is_judged_and_known_for_one(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.apply()
    applied.write("policies/back.yaml", "name: back\nover: plan\ndeny_if: command == 'rollback'\nmessage: not today\n")
    assert (
        "policy back (policies/back.yaml:1) denies the plan: not today"
        in applied.mlops("rollback", "--auto-approve", code=REFUSED).err
    )
    applied.write("none/README", "no policies here")
    applied.mlops("rollback", "--auto-approve", "--policies", "none")
