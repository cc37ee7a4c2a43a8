"""Of a plan only the part is made anew that differs from an earlier look, and it is as if the whole were."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.providers.memory_lines import line_of
from reconciler.wishes import Wish
from reconciler.workspace import open_workspace
from tests.remembering.remembered_world import (
    DEPLOYMENT,
    ENDPOINT,
    MODEL,
    SCORE,
    SETTINGS,
    apply,
    come_of,
    counted,
    edit,
    endpoint,
    forget,
    note,
    plan,
    put,
    write_repository,
)

Change = Callable[[], object]
ENDPOINTS = 14
LATEST = "azureml:risk@latest"
BOTH = ENDPOINT.replace("NAME", "both") + "---\n"
WINE = MODEL.replace("risk", "wine")
INLINE = "environment: {name: own, image: 'img@sha256:" + "0" * 64 + "'}"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that is applied, planned, and put back before each use."""
    folder, kept = tmp_path_factory.mktemp("parts"), tmp_path_factory.mktemp("kept")
    before = Path.cwd()
    os.chdir(folder)
    write_repository()
    for number in range(ENDPOINTS):
        endpoint(f"end{number}", *(["green"] if number % 3 == 0 else []))
    put("manifests/wine1.yml", WINE)
    put("manifests/end1/blue.yml", blue("end1", model="azureml:wine@latest"))
    put("manifests/end2/blue.yml", blue("end2", model="azureml:wine:1"))
    put("manifests/end4/blue.yml", blue("end4").replace("environment: azureml:plain:1", INLINE))
    put("manifests/end5/blue.yml", blue("end5", code="../own"))
    put("manifests/own/score.py", SCORE)
    put("manifests/both.yml", BOTH + blue("both", code="src"))
    put("manifests/values.yml", "a: 1\n")
    apply()
    plan()
    shutil.copytree(folder, kept / "all")
    os.chdir(before)
    return kept / "all"


@pytest.fixture
def repository(base: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = next(tmp_path_factory.getbasetemp().glob("parts*"))
    put_back(base, folder)
    monkeypatch.chdir(folder)
    return base


def put_back(base: Path, folder: Path) -> None:
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    shutil.copytree(base, folder, dirs_exist_ok=True)


def blue(endpoint: str, *, model: str = LATEST, code: str = "../src", count: int = 1, name: str = "blue") -> str:
    text = DEPLOYMENT.replace("NAME", endpoint).replace("BLUE", name).replace(LATEST, model)
    return text.replace("../src", code).replace("count: 1", f"count: {count}")


def routed(endpoint: str, name: str) -> str:
    return ENDPOINT.replace("NAME", endpoint).replace("blue", name)


def gone(address: str) -> None:
    lines = Path("live.jsonl").read_text().splitlines(keepends=True)
    Path("live.jsonl").write_text("".join(line for line in lines if json.loads(line)["address"] != address))


def foreign(address: str) -> None:
    """An object that no state made."""
    with Path("live.jsonl").open("a") as file:
        file.write(line_of(Address.parse(address), Live(Address.parse(address), {"name": "nobody"}), 0))


CHANGES: dict[str, Change] = {
    "a field": lambda: put("manifests/end7/blue.yml", blue("end7", count=3)),
    "a comment": lambda: put("manifests/end7/blue.yml", blue("end7") + "# x\n"),
    "a deployment more": lambda: put("manifests/end7/red.yml", blue("end7", name="red")),
    "a deployment less": Path("manifests/end6/green.yml").unlink,
    "a file of another name": lambda: Path("manifests/end6/green.yml").rename("manifests/end6/g.yml"),
    "an endpoint more": lambda: endpoint("rose", "green"),
    "an endpoint less": lambda: shutil.rmtree("manifests/end8"),
    "traffic": lambda: put("manifests/end9/endpoint.yml", routed("end9", "green")),
    "a file of two": lambda: put("manifests/both.yml", BOTH + blue("both", code="src", count=2)),
    "an inline version": lambda: put(
        "manifests/end4/blue.yml", blue("end4").replace("environment: azureml:plain:1", INLINE.replace("0", "1"))
    ),
    "another label": lambda: put("manifests/end3/blue.yml", blue("end3", model="azureml:wine@latest")),
    "no label": lambda: put("manifests/end1/blue.yml", blue("end1", model="azureml:wine:1")),
    "a version more": lambda: put("manifests/wine2.yml", WINE.replace("version: 1", "version: 2")),
    "a version without number": lambda: put(
        "manifests/wine2.yml", WINE.replace("version: 1\npath: weights", "path: src")
    ),
    "code of one": lambda: put("manifests/own/score.py", SCORE + "# x\n"),
    "what is not ours": lambda: put("manifests/values.yml", "a: 2\n"),
    "a row": lambda: note("endpoint/end10", description="x"),
    "an object": lambda: edit("deployment/end11/blue", instance_count=4),
    "an object less": lambda: gone("deployment/end11/blue"),
    "a version by command": lambda: note("model/wine:7", by_command=True, path="x"),
}
WRONG: dict[str, Change] = {
    "what is not ours any more": lambda: put("manifests/end12/blue.yml", "a: 2\n"),
    "an address twice": lambda: put("manifests/more.yml", ENDPOINT.replace("NAME", "END7")),
    "a version that is used is gone": Path("manifests/wine1.yml").unlink,
    "a version that changes": lambda: put("manifests/wine1.yml", WINE.replace("weights", "src")),
    "an endpoint that is nowhere": lambda: put("manifests/end7/red.yml", blue("nowhere")),
    "a model that is nowhere": lambda: put("manifests/end7/blue.yml", blue("end7", model="azureml:nothing:1")),
    "a file that is broken": lambda: put("manifests/end7/blue.yml", "$schema: ["),
    "code that is broken": lambda: put("manifests/own/score.py", "def init("),
    "no code": lambda: shutil.rmtree("manifests/own"),
    "traffic to nobody": lambda: put("manifests/end7/endpoint.yml", routed("end7", "red")),
    "the shared code": lambda: put("manifests/src/score.py", SCORE + "# x\n"),
}


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_planned_in_part_and_comes_to_the_same(change: Change):
    change()
    with counted() as loads:
        found = come_of(cached=True)
    assert found == come_of(cached=False)
    assert max(loads, default=0) <= 10
    assert come_of(cached=True) == found


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("change", ["a comment", "code of one", "an endpoint less"])
def test_a_plan_of_a_part_knows_where_all_content_lies(change: str):
    """As an apply does that tells in CI what of it is in no commit."""
    CHANGES[change]()
    known = {}
    for cached in (True, False):
        with counted() as loads, open_workspace(None, cached=cached) as workspace:
            pipeline.plan(workspace, Wish(cached=cached))
            known[cached] = {*workspace.contents}
        assert (max(loads) <= 10) is cached
    assert known[True] == known[False]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_or_reaches_far_is_said_of_the_whole(change: Change):
    change()
    assert come_of(cached=True) == come_of(cached=False)


@pytest.mark.usefixtures("repository")
def test_an_apply_of_a_change_is_planned_in_part_and_so_is_what_comes_after_it():
    put("manifests/end7/blue.yml", blue("end7", count=3))
    apply()
    with counted() as loads:
        found = plan()
    assert found == plan(cached=False)
    assert found.plan.steps == ()
    assert max(loads) <= 10
    with counted() as loads:
        assert plan() == found
    assert loads == []


UNSETTLED: dict[str, Change] = {
    "a step": lambda: put("manifests/end13/blue.yml", blue("end13", count=2)),
    "an endpoint to make": lambda: endpoint("fresh"),
    "what is to go": Path("manifests/end9/green.yml").unlink,
    "drift": lambda: edit("deployment/end13/blue", instance_count=4),
    "an object of nobody": lambda: foreign("endpoint/nobody"),
    "an object less": lambda: gone("deployment/end12/blue"),
    "a version more": lambda: put("manifests/wine2.yml", WINE.replace("version: 1", "version: 2")),
}


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("change", [None, *CHANGES.values()], ids=["nothing", *CHANGES.keys()])
@pytest.mark.parametrize("pending", ["a step", "an object of nobody"])
def test_a_change_besides_what_is_to_be_done_anyway_is_planned_in_part(pending: str, change: Change | None):
    UNSETTLED[pending]()
    forget()
    first = come_of(cached=True)
    if change:
        change()
    with counted() as loads:
        found = come_of(cached=True)
    assert found == come_of(cached=False)
    assert change or found == first
    assert max(loads) <= 10


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("pending", UNSETTLED.values(), ids=UNSETTLED.keys())
def test_what_was_to_be_done_is_looked_at_anew_until_it_is(base: Path, pending: Change):
    pending()
    forget()
    first = come_of(cached=True)
    with counted() as loads:
        assert come_of(cached=True) == come_of(cached=False) == first
    assert loads[0] < ENDPOINTS
    shutil.copy(base / "live.jsonl", "live.jsonl")
    assert come_of(cached=True) == come_of(cached=False)
    apply()
    assert come_of(cached=True) == come_of(cached=False)
    with counted() as loads:
        assert come_of(cached=True) == come_of(cached=False)
    assert len(loads) == 1


RULES = {
    "overrides": "overrides: {deployment/end7/blue: {instance_count: 2}, model/wine: {description: x}}",
    "a quota": "quota: {standardDSv2Family: 1000}",
    "a quota that is used up": "quota: {standardDSv2Family: 112}",
    "a policy": "policies: {endpoint/end7: {rollout: {steps: [10, 100]}}}",
}


def ruled(rules: str) -> None:
    """Have the target rules, with the look of a plan that found nothing under them."""
    put("mlops.yaml", SETTINGS.replace("default: true}", f"default: true, {RULES[rules]}}}"))
    apply()
    plan()


def taken(change: Change) -> list[int]:
    """How many files each load of a plan read, which comes to the same as without anything remembered."""
    change()
    with counted() as loads:
        found = come_of(cached=True)
    assert found == come_of(cached=False)
    return loads


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("rules", "change", "in_part"),
    [
        ("overrides", CHANGES["a comment"], True),
        ("overrides", CHANGES["a version more"], True),
        ("overrides", lambda: put("manifests/end8/blue.yml", blue("end8", count=3)), True),
        ("overrides", Path("manifests/end7/blue.yml").unlink, False),
        ("overrides", Path("manifests/wine1.yml").unlink, False),
        ("a quota", CHANGES["a comment"], True),
        ("a quota", CHANGES["a deployment less"], True),
        ("a quota", CHANGES["an object"], True),
        ("a quota", CHANGES["a field"], False),
        ("a quota", CHANGES["an endpoint more"], False),
        ("a quota that is used up", CHANGES["an endpoint more"], False),
    ],
)
def test_what_reaches_across_is_planned_in_part_where_it_does_not_matter(rules: str, change: Change, in_part: bool):
    ruled(rules)
    assert (max(taken(change)) <= 10) == in_part


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([*RULES]),
    st.lists(st.sampled_from([*CHANGES, *CHANGES, *WRONG]), min_size=1, max_size=3),
)
def test_whatever_changes_under_rules_comes_to_the_same(repository: Path, rules: str, changes: list[str]):
    put_back(repository, Path.cwd())
    ruled(rules)
    for name in changes:
        happens({**CHANGES, **WRONG}[name])
        assert come_of(cached=True) == come_of(cached=False)


@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([*UNSETTLED]), max_size=2),
    st.lists(st.sampled_from([*CHANGES, *CHANGES, *UNSETTLED, *WRONG]), min_size=1, max_size=4),
)
def test_whatever_changes_at_once_comes_to_the_same(repository: Path, pending: list[str], changes: list[str]):
    put_back(repository, Path.cwd())
    for name in pending:
        happens(UNSETTLED[name])
    if pending:
        forget()
        assert come_of(cached=True) == come_of(cached=False)
    for name in changes:
        happens({**CHANGES, **UNSETTLED, **WRONG}[name])
        assert come_of(cached=True) == come_of(cached=False)


def happens(change: Change) -> None:
    with suppress(OSError, KeyError):  # An earlier one took away what this one changes.
        change()
