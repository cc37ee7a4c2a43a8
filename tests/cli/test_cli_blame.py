"""A plan says beside every place who last wrote it, and does without where git cannot say it."""

import re

import pytest
from command_line import Repository

TEAM = """name: only-the-team
over: field
deny_if: field.author != "" && !(field.author in ["Ana", "Ben"])
message_expression: field.author + " is not of the team"
"""


@pytest.fixture
def committed(repo: Repository) -> Repository:
    """A repository with one commit of everything, applied, and one on top that changes two files."""
    repo.write(".gitignore", ".mlops\nlive.jsonl\n")
    repo.git("init", "-q")
    repo.git("add", "--all")
    repo.git("commit", "-qm", "first", "--author", "Ana <ana@example.org>")
    repo.apply()
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    repo.edit("manifests/blue.yml", "scoring_script: score.py", "scoring_script: ./score.py")
    repo.git("commit", "-qam", "more", "--author", "Ben <ben@example.org>")
    return repo


def beside(text: str) -> list[str]:
    """What stands behind the places of a plan, commits without their ids."""
    return [re.sub(r"^[0-9a-f]{12} ", "", said) for said in re.findall(r"\[\S+:\d+ ?(.*?)\]$", text, re.MULTILINE)]


def test_a_plan_names_who_wrote_every_field(committed: Repository):
    planned = committed.mlops("plan")
    assert (beside(planned.out), planned.err) == (["Ben", "Ben"], "")
    assert beside(committed.mlops("plan", "HEAD~1:manifests").out) == []
    committed.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 4")
    assert beside(committed.mlops("plan", below="manifests").out) == ["not committed", "Ben"]
    assert beside(committed.mlops("apply", "--auto-approve").out) == ["not committed", "Ben"]


def test_a_field_that_was_taken_out_names_who_did_it_and_a_policy_sees_it(committed: Repository):
    committed.edit("manifests/blue.yml", "instance_type", "tags:\n  team: a\n  cost: b\ninstance_type")
    committed.apply()
    committed.git("commit", "-qam", "tagged")
    committed.edit("manifests/blue.yml", "  cost: b\n", "")
    field = r"tags.cost +b -> \(none\) +\[was manifests/blue.yml:11 "
    assert re.search(field + r"not committed\]", committed.mlops("plan").out)
    committed.git("commit", "-qam", "away", "--author", "Cem <cem@example.org>")
    assert re.search(field + r"[0-9a-f]{12} Cem\]", committed.mlops("plan").out)
    [told] = [each for step in committed.mlops("plan", "--format", "json").json["steps"] for each in step["fields"]]
    assert (told["source"]["line"], told["blame"]["author"]) == (9, "Cem")
    committed.write("policies/team.yaml", TEAM)
    refused = committed.mlops("plan", code=4).err
    assert "manifests/blue.yml:9:1: E-DENIED: policy only-the-team" in refused
    assert "field tags.cost: Cem is not of the team" in refused


def test_without_blame_the_plan_is_the_same(committed: Repository):
    assert beside(committed.mlops("plan", "--no-blame").out) == ["", ""]
    for words in (["--blame"], ["--no-blame"]):
        committed.mlops("plan", "--out", f"{words[0]}.json", *words)
    assert committed.read("--blame.json") == committed.read("--no-blame.json")


def test_where_git_cannot_say_it_the_plan_warns_once(committed: Repository):
    (committed.folder / ".git" / "HEAD").write_text("nonsense")
    planned = committed.mlops("plan")
    assert beside(planned.out) == ["", ""]
    assert re.fullmatch(
        r"manifests/blue.yml:\d+:\d+: W-BLAME: who wrote this, and one more, is not known: .*not a git repo.*\n",
        planned.err,
    )
    assert committed.mlops("plan", "--no-blame").err == ""


def test_a_name_of_an_author_does_nothing_in_a_log(committed: Repository):
    committed.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 4")
    committed.git("commit", "-qam", "x", "--author", "\x1b[31m::error::##[x]\u202e] <a@example.org>")
    said = committed.mlops("plan").out
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "##[x]" not in said


def removal(repo: Repository, *words: str) -> list[str]:
    """What a plan says beside the deletion of a model, its commit without its id."""
    said = repo.mlops("plan", *words).out
    return re.findall(r"delete model/\S+ .*\n +name +spare -> \(none\) +\[was (\S+) (?:[0-9a-f]{12} )?(.*)\]", said)


@pytest.fixture
def spare(committed: Repository) -> Repository:
    """A model that nobody uses, applied."""
    committed.write("manifests/spare.yml", committed.read("manifests/risk-1.yml").replace("name: risk", "name: spare"))
    committed.git("add", "--all")
    committed.git("commit", "-qm", "spare", "--author", "Cem <cem@example.org>")
    committed.apply()
    return committed


def test_a_deletion_names_who_took_the_file_away(spare: Repository):
    spare.remove("manifests/spare.yml")
    assert removal(spare) == [("manifests/spare.yml:2", "not committed")]
    spare.git("commit", "-qam", "away", "--author", "Dan <dan@example.org>")
    spare.write("manifests/later.txt", "")
    spare.git("add", "--all")
    spare.git("commit", "-qm", "later")
    assert removal(spare) == [("manifests/spare.yml:2", "Dan")]
    assert removal(spare, "HEAD:manifests") == [("HEAD:manifests/spare.yml:2", "Dan")]
    assert removal(spare, "--no-blame") == []
    spare.mlops("plan", "--out", "one.json")
    spare.mlops("plan", "--out", "two.json", "--no-blame")
    assert spare.read("one.json") == spare.read("two.json")


def test_a_deletion_names_who_gave_the_resource_another_name(spare: Repository):
    spare.edit("manifests/spare.yml", "name: spare", "name: spare2")
    spare.git("commit", "-qam", "renamed", "--author", "Dan <dan@example.org>")
    assert removal(spare) == [("manifests/spare.yml:2", "Dan")]


def test_what_moved_to_another_file_before_it_went_is_whose_it_went_by(spare: Repository):
    spare.git("mv", "manifests/spare.yml", "manifests/moved.yml")
    spare.git("commit", "-qm", "moved", "--author", "Dan <dan@example.org>")
    spare.git("rm", "-q", "manifests/moved.yml")
    spare.git("commit", "-qm", "away", "--author", "Eva <eva@example.org>")
    assert removal(spare) == [("manifests/moved.yml:2", "Eva")]
