"""A secret is shown nowhere and lies nowhere in the clear but where the user wrote it."""

import pytest
from command_line import Repository, files_holding

WRITTEN = "tiger-in-a-file"
GIVEN = "tiger-from-a-flag"
VARIABLES = f"environment_variables:\n  ONE: {WRITTEN}\n  SAME: {WRITTEN}\n  OTHER: '{{{{TOKEN}}}}'\n"
VAR = ("--var", f"TOKEN={GIVEN}")


@pytest.fixture
def keeping(repo: Repository) -> Repository:
    """Three environment variables: two equal ones in the file, one given by `--var`."""
    repo.edit("manifests/blue.yml", "instance_count: 1\n", f"instance_count: 1\n{VARIABLES}")
    return repo


@pytest.fixture
def cached(repo: Repository) -> Repository:
    """A file that uses no variable, so that what it holds is cached."""
    written = VARIABLES.replace("'{{TOKEN}}'", f'"{WRITTEN}\\x21"')
    repo.edit("manifests/blue.yml", "instance_count: 1\n", f"instance_count: 1\n{written}")
    return repo


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_a_plan_shows_no_secret(keeping: Repository, form: str):
    planned = keeping.mlops("plan", *VAR, "--format", form)
    assert "tiger" not in planned.out + planned.err


def test_equal_secrets_show_as_equal_numbers(keeping: Repository):
    lines = [line.split() for line in keeping.mlops("plan", *VAR).out.splitlines()]
    shown = {line[0]: " ".join(line[1:3]) for line in lines if line and line[0].startswith("environment_variables.")}
    assert shown == {
        "environment_variables.ONE": "(secret 1)",
        "environment_variables.SAME": "(secret 1)",
        "environment_variables.OTHER": "(secret 2)",
    }


def test_a_changed_secret_is_a_roll_out_that_shows_neither_value(keeping: Repository):
    keeping.apply(*VAR)
    planned = keeping.mlops("plan", "--var", "TOKEN=tiger-of-today")
    assert "environment_variables.OTHER  (secret 1) -> (secret 2)" in planned.out
    assert "tiger" not in planned.out


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_apply_shows_no_secret(keeping: Repository, form: str):
    done = keeping.apply(*VAR, "--format", form)
    assert "tiger" not in done.out + done.err


def test_an_apply_leaves_no_secret_in_a_file(keeping: Repository):
    keeping.mlops("plan", *VAR, "--out", "p.json")
    keeping.mlops("apply", "--plan", "p.json", *VAR)
    keeping.mlops("plan", *VAR, "--no-refresh")
    assert files_holding("tiger", [keeping.folder]) == [str(keeping.folder / "manifests" / "blue.yml")]


def test_a_cached_file_leaves_no_secret_in_the_cache(cached: Repository):
    cached.apply()
    cached.mlops("plan")
    assert files_holding("tiger", [cached.folder]) == [str(cached.folder / "manifests" / "blue.yml")]


def test_a_cached_file_keeps_its_secrets_the_same(cached: Repository):
    cached.apply()
    assert cached.steps() == cached.steps() == []


def test_what_the_tool_writes_is_nobody_else_s_to_read(cached: Repository):
    cached.edit("mlops.yaml", "default: true}", "default: true, state: 'memory:'}")
    cached.mlops("plan")
    below = [cached.folder / ".mlops", *cached.folder.glob(".mlops/cache"), *cached.folder.glob(".mlops/cache/*.db")]
    assert [path.name for path in below if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("words", [["show", "deployment/credit/blue"], ["drift", "--format", "json"]])
def test_no_other_command_shows_a_secret(keeping: Repository, words: list[str]):
    keeping.apply(*VAR)
    keeping.behind_our_back("deployment/credit/blue", environment_variables={"ONE": {"$secret": "0" * 64}})
    told = keeping.mlops(*words)
    assert "tiger" not in told.out + told.err


@pytest.mark.parametrize("wrong", ["  OTHER: ['{{TOKEN}}']\n", "  OTHER: {inner: '{{TOKEN}}'}\n"])
def test_a_secret_in_a_wrong_form_is_not_in_the_error(keeping: Repository, wrong: str):
    keeping.edit("manifests/blue.yml", "  OTHER: '{{TOKEN}}'\n", wrong)
    said = keeping.mlops("plan", *VAR, code=1)
    assert "environment_variables.OTHER" in said.err
    assert "tiger" not in said.out + said.err


def test_a_secret_in_a_wrong_place_is_not_in_the_error(repo: Repository):
    said = repo.mlops("plan", "--set", f"deployment/credit/blue.environment_variables={GIVEN}", code=1)
    assert "environment_variables: expected a mapping, here is a value" in said.err
    assert "tiger" not in said.out + said.err
