"""A saved plan is applied exactly as it was reviewed, or refused with what has moved since."""

import json
import re
from collections.abc import Callable

import pytest
from command_line import Repository

STALE = 6


def more_instances(repo: Repository) -> None:
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")


def test_a_saved_plan_is_applied_without_asking(applied: Repository):
    more_instances(applied)
    applied.mlops("plan", "--out", "p.json")
    applied.mlops("apply", "--plan", "p.json")
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 3


def test_a_saved_plan_is_made_by_its_own_options(applied: Repository):
    applied.mlops("plan", "manifests/endpoint.yml", "manifests/blue.yml", "--out", "p.json")
    more_instances(applied)
    applied.mlops("plan", "manifests/blue.yml", "--only", "deployment/credit/blue", "--out", "p.json")
    applied.mlops("apply", "--plan", "p.json")
    assert applied.steps() == []


def move_files(repo: Repository) -> None:
    repo.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 4")


def move_code(repo: Repository) -> None:
    repo.edit("manifests/src/score.py", "blue", "azure")


def move_state(repo: Repository) -> None:
    repo.apply("--only", "deployment/credit/blue", "--set", "deployment/credit/blue.description=other")


def move_live(repo: Repository) -> None:
    text = repo.read("live.jsonl").replace('"generation": 1', '"generation": 7')
    repo.write("live.jsonl", text)


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (move_files, "the files have changed since"),
        (move_code, "the files have changed since"),
        (move_state, "the state has changed since"),
        (move_live, "a live object has changed since"),
    ],
)
def test_f37_a_saved_plan_is_refused_when_something_moved(
    applied: Repository, move: Callable[[Repository], None], reason: str
):
    more_instances(applied)
    applied.mlops("plan", "--out", "p.json")
    move(applied)
    before = applied.live()
    said = applied.mlops("apply", "--plan", "p.json", code=STALE).err
    assert f"stale plan: {reason}" in said or f" and {reason}" in said
    assert applied.live() == before


def test_f37_a_saved_plan_is_refused_the_second_time(applied: Repository):
    more_instances(applied)
    applied.mlops("plan", "--out", "p.json")
    applied.mlops("apply", "--plan", "p.json")
    before = applied.live()
    said = applied.mlops("apply", "--plan", "p.json", code=STALE).err
    assert "stale plan: the state has changed since" in said
    assert applied.live() == before
    assert applied.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")


def test_a_saved_plan_wants_its_values_again(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: {{COUNT}}")
    applied.mlops("plan", "--var", "COUNT=2", "--out", "p.json")
    said = applied.mlops("apply", "--plan", "p.json", code=1).err
    assert "variable COUNT has no value" in said
    applied.mlops("apply", "--plan", "p.json", "--var", "COUNT=2")


def test_a_saved_plan_with_another_value_is_refused(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: {{COUNT}}")
    applied.mlops("plan", "--var", "COUNT=2", "--out", "p.json")
    said = applied.mlops("apply", "--plan", "p.json", "--var", "COUNT=3", code=STALE).err
    assert "give its --var and --set again: COUNT" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is not a saved plan; make one with `mlops plan --out"),
        ("{}", "is not a saved plan; make one with `mlops plan --out"),
        ('{"format": 99}', "is a plan of format 99, this tool knows 1; plan again"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(applied: Repository, text: str | None, message: str):
    if text is not None:
        applied.write("p.json", text)
    assert message in applied.mlops("apply", "--plan", "p.json", code=1).err


def test_a_saved_plan_is_applied_from_any_folder_of_the_repository(applied: Repository):
    more_instances(applied)
    applied.mlops("plan", "manifests", "--out", "p.json")
    applied.mlops("apply", "--plan", "../../p.json", below="manifests/src")
    assert applied.steps() == []


def digest_of(repo: Repository, *words: str) -> str:
    return str(repo.mlops("plan", *words, "--format", "json").json["digest"])


def test_the_plan_of_a_digest_is_applied_without_asking(applied: Repository):
    more_instances(applied)
    applied.mlops("apply", "--digest", digest_of(applied))
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 3


@pytest.mark.parametrize("move", [move_code, move_state, move_live])
def test_f37_the_plan_of_a_digest_is_refused_when_something_moved(
    applied: Repository, move: Callable[[Repository], None]
):
    more_instances(applied)
    digest = digest_of(applied)
    move(applied)
    before = applied.live()
    said = applied.mlops("apply", "--digest", digest, "--auto-approve", code=STALE).err
    assert re.search(f"the plan is [0-9a-f]{{64}} by now, and not {digest}: the files, the record or a live", said)
    assert applied.live() == before


def test_the_plan_of_a_digest_is_refused_with_other_options_than_it_was_made_with(applied: Repository):
    digest = digest_of(applied, "--set", "deployment/credit/blue.instance_count=3")
    applied.mlops("apply", "--digest", digest, code=STALE)
    applied.mlops("apply", "--digest", digest, "--set", "deployment/credit/blue.instance_count=3")


def test_a_saved_plan_of_another_digest_is_refused(applied: Repository):
    more_instances(applied)
    applied.mlops("plan", "--out", "p.json")
    said = applied.mlops("apply", "--plan", "p.json", "--digest", "0" * 64, code=STALE).err
    assert "p.json holds the plan" in said
    applied.mlops("apply", "--plan", "p.json", "--digest", digest_of(applied))


@pytest.mark.parametrize("word", ["latest", "0" * 63, "A" * 64, "0" * 64 + "\n::error::x"])
def test_what_is_no_digest_is_refused(applied: Repository, word: str):
    assert "is no digest of a plan" in applied.mlops("apply", "--digest", word, code=1).err


KEY, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def sealed(repo: Repository) -> Repository:
    """Everything applied, the record under a key from its birth."""
    repo.mlops("apply", "--auto-approve", MLOPS_ENCRYPTION_KEY=KEY)
    return repo


def test_a_saved_plan_is_encrypted_where_a_key_is_given(sealed: Repository):
    more_instances(sealed)
    sealed.mlops("plan", "--out", "p.json", MLOPS_ENCRYPTION_KEY=KEY)
    assert "deployment/credit/blue" not in sealed.read("p.json")
    sealed.mlops("apply", "--plan", "p.json", MLOPS_ENCRYPTION_KEY=OTHER, MLOPS_ENCRYPTION_KEY_FALLBACK=KEY)
    assert sealed.mlops("plan", MLOPS_ENCRYPTION_KEY=OTHER).out.startswith("No changes.")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "p.json: it is encrypted under key"),
        ({"MLOPS_ENCRYPTION_KEY": OTHER}, "give the former key in MLOPS_ENCRYPTION_KEY_FALLBACK"),
    ],
)
def test_an_encrypted_plan_is_refused_without_its_key(sealed: Repository, variables: dict[str, str], message: str):
    sealed.mlops("plan", "--out", "p.json", MLOPS_ENCRYPTION_KEY=KEY)
    assert message in sealed.mlops("apply", "--plan", "p.json", code=1, **variables).err


def test_an_older_encrypted_plan_under_a_newer_serial_is_refused(sealed: Repository):
    sealed.mlops("plan", "--out", "old.json", MLOPS_ENCRYPTION_KEY=KEY)
    sealed.mlops("apply", "--auto-approve", "--set", "deployment/credit/blue.description=x", MLOPS_ENCRYPTION_KEY=KEY)
    sealed.mlops("plan", "--out", "new.json", MLOPS_ENCRYPTION_KEY=KEY)
    old, new = (json.loads(sealed.read(name)) for name in ("old.json", "new.json"))
    assert old["serial"] < new["serial"]
    sealed.write("p.json", json.dumps({**new, "sealed": old["sealed"]}))
    said = sealed.mlops("apply", "--plan", "p.json", code=1, MLOPS_ENCRYPTION_KEY=KEY).err
    assert "p.json: it was changed, or is older than it says" in said


def test_a_plan_in_the_clear_is_refused_where_a_key_is_given(applied: Repository):
    applied.mlops("plan", "--out", "p.json")
    said = applied.mlops("apply", "--plan", "p.json", code=1, MLOPS_ENCRYPTION_KEY=KEY).err
    assert "p.json: it is not encrypted, but MLOPS_ENCRYPTION_KEY is set; make it anew" in said
