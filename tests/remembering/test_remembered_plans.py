"""A plan that found nothing to do is given again while everything is as it was, and made anew when anything is not."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.load.overrides import parse_set
from reconciler.record.tabled import TableStore
from reconciler.remembering import inputs
from reconciler.wishes import Planned
from reconciler.workspace import open_workspace
from tests.git_here import git
from tests.remembering.remembered_world import (
    CONDA,
    DEPLOYMENT,
    ENDPOINT,
    MODEL,
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
    told,
)

pytestmark = pytest.mark.usefixtures("as_wanted")

Change = Callable[[], object]


@pytest.fixture
def remembered(as_wanted: Path) -> Planned:
    """A plan that is remembered."""
    planned = plan()
    with counted() as loads:
        assert plan() == planned
    assert loads == []
    return planned


def test_it_is_equal_in_value_and_byte_by_byte_in_every_form(remembered: Planned):
    again, anew = plan(), plan(cached=False)
    assert again == anew == remembered
    assert told(again) == told(anew)
    assert again.plan.pins == {"model/risk@latest": "model/risk:1"}
    assert list(again.plan.labels) == list(anew.plan.labels)
    assert [warning.code for warning in again.warnings] == ["W-UNPINNED"] * 3
    assert again.passed_over == ("manifests/conda.yml",)
    assert again.plan.unchanged == 7


def test_git_is_asked_unless_the_wish_is_without(remembered: Planned, monkeypatch: pytest.MonkeyPatch):
    asked, real = list[bool](), inputs.manifest_set
    monkeypatch.setattr(
        inputs, "manifest_set", lambda path, index, **words: asked.append(words["git"]) or real(path, index, **words)
    )
    assert plan(wish={"git": False}) == plan() == remembered
    assert asked == [False, True]


CHANGES: dict[str, Change] = {
    "a field of a manifest": lambda: put("manifests/wine/green.yml", _green("instance_count: 2")),
    "a comment in a manifest": lambda: put("manifests/wine/green.yml", _green("instance_count: 1  # one")),
    "another manifest": lambda: endpoint("wine", "green", "red"),
    "a manifest less": Path("manifests/wine/green.yml").unlink,
    "a manifest of another name": lambda: Path("manifests/wine/green.yml").rename("manifests/wine/g.yml"),
    "a file that is not ours": lambda: put("manifests/values.yml", "a: 1\n"),
    "a broken manifest": lambda: put("manifests/wine/green.yml", "$schema: [\n"),
    "the code": lambda: put("manifests/src/score.py", "def init(): ...\ndef run(raw): ...\n"),
    "a second file of code": lambda: put("manifests/src/more.py", ""),
    "what the code leaves out": lambda: put("manifests/src/.amlignore", "*.md\n"),
    "no code": lambda: shutil.rmtree("manifests/src"),
    "code that is a link out": lambda: _link("manifests/src/out.py", "/etc/hostname"),
    "the conda file": lambda: put("manifests/conda.yml", CONDA.replace("3.11", "3.12")),
    "a comment in the conda file": lambda: put("manifests/conda.yml", CONDA + "# x\n"),
    "the weights": lambda: put("manifests/weights/w.txt", "4 5 6\n"),
    "another version": lambda: put("manifests/model2.yml", MODEL.replace("version: 1", "version: 2")),
    "a recorded field": lambda: note("endpoint/credit", description="x"),
    "a live field": lambda: edit("deployment/wine/green", instance_count=3),
    "an object less": lambda: _without_object("deployment/wine/green"),
    "an override": lambda: put("mlops.yaml", SETTINGS.replace("}", ", overrides: {endpoint/wine: {description: x}}}")),
    "a policy over resources": lambda: put("mlops.yaml", SETTINGS + "policies: {endpoint/wine: {rollout: {}}}\n"),
    "a target that wants pins": lambda: put("mlops.yaml", SETTINGS.replace("}", ", pinned: true}")),
    "a protected endpoint": lambda: put("mlops.yaml", SETTINGS.replace("}", ", protect: [endpoint/wine]}")),
    "another folder": lambda: put("mlops.yaml", SETTINGS.replace("manifests: manifests", "manifests: manifests/wine")),
    "policies over plans": lambda: put("policies/p.yaml", "policies: {x: {over: plan, warn_if: 'false'}}\n"),
    "wrong policies over plans": lambda: put("policies/p.yaml", "nothing: 1\n"),
}


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_it_comes_to_the_same_as_without_anything_remembered(change: Change):
    change()
    anew = come_of(cached=False)
    assert come_of(cached=True) == anew
    assert come_of(cached=True) == anew


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("name", ["a field of a manifest", "a manifest less", "another manifest", "the code"])
def test_so_it_does_in_git(name: str):
    put(".gitignore", ".mlops\nlive.jsonl\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    plan()
    CHANGES[name]()
    assert come_of(cached=True) == come_of(cached=False)


def _green(line: str) -> str:
    return DEPLOYMENT.replace("NAME", "wine").replace("BLUE", "green").replace("instance_count: 1", line)


def _link(name: str, to: str) -> None:
    Path(name).symlink_to(to)


def _without_object(address: str) -> None:
    lines = Path("live.jsonl").read_text().splitlines(keepends=True)
    Path("live.jsonl").write_text("".join(line for line in lines if json.loads(line)["address"] != address))


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(
    "wish",
    [
        {"variables": {"A": "1"}},
        {"overrides": (parse_set("deployment/wine/green.instance_count=2"),)},
        {"only": (Address.parse("endpoint/wine"),)},
        {"paths": ("manifests/wine",), "max_delete": 100},
        {"paths": ("./manifests",)},
        {"paths": ("manifests/wine/endpoint.yml",)},
        {"refresh": False},
    ],
    ids=str,
)
def test_whatever_is_asked_for_it_is_answered(wish: dict[str, object]):
    assert come_of(cached=True, wish=wish) == come_of(cached=False, wish=wish)


def test_places_are_told_from_where_the_user_stands(remembered: Planned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir("manifests")
    assert come_of(cached=True) == come_of(cached=False)
    assert {warning.file for warning in plan().warnings}.isdisjoint({warning.file for warning in remembered.warnings})


def test_a_secret_of_another_value_is_another_plan(monkeypatch: pytest.MonkeyPatch):
    put("manifests/wine/green.yml", _green("instance_count: 1") + "environment_variables: {A: '${{secret:a}}'}\n")
    monkeypatch.setenv("MLOPS_SECRET_A", "one-word-of-it")
    apply()
    assert plan() == plan() == plan(cached=False)
    monkeypatch.setenv("MLOPS_SECRET_A", "another")
    assert [str(step.address) for step in plan().plan.steps] == ["deployment/wine/green"]
    monkeypatch.delenv("MLOPS_SECRET_A")
    assert come_of(cached=True) == come_of(cached=False)


def test_no_secret_is_in_the_cache(monkeypatch: pytest.MonkeyPatch):
    put("manifests/wine/green.yml", _green("instance_count: 1") + "environment_variables: {A: '${{secret:a}}'}\n")
    monkeypatch.setenv("MLOPS_SECRET_A", "one-word-of-it")
    apply()
    plan(wish={"variables": {"B": "a-word-of-the-line"}})
    held = b"".join(file.read_bytes() for file in Path(".mlops/cache").iterdir())
    assert held
    assert b"one-word-of-it" not in held
    assert b"a-word-of-the-line" not in held


def test_whoever_holds_the_lock_is_told_each_time(remembered: Planned):
    with open_workspace(None) as other, other.store.lock({"user": "ana", "id": "1"}, timeout_s=0):
        found = plan()
    assert found.plan.holder
    assert found.plan.holder["user"] == "ana"
    assert plan() == remembered


def test_nothing_is_remembered_of_a_plan_with_steps_or_drift(remembered: Planned):
    edit("endpoint/wine", description="x")
    for _ in range(2):
        with counted() as loads:
            found = plan()
        assert found.drifts
        assert loads
    apply()
    assert plan().plan.steps == ()
    assert plan().plan.serial > remembered.plan.serial


@pytest.mark.usefixtures("remembered")
def test_without_a_cache_none_is_read_or_made():
    forget()
    plan(cached=False)
    assert not Path(".mlops/cache").exists()


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("damage", [b"", b"x" * 5000, None], ids=["empty", "no database", "cut off"])
def test_a_damaged_cache_is_as_good_as_none(damage: bytes | None):
    for file in Path(".mlops/cache").iterdir():
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2] if damage is None else damage)
    assert come_of(cached=True) == come_of(cached=False)


DAMAGES = {
    "an entry that is gone": "delete from entries where address = 'deployment/wine/green'",
    "an entry that was edited": "update entries set spec = replace(spec, 'DS3', 'DS4')",
    "an entry under another digest": "update entries set digest = 'x' where address = 'model/risk:1'",
}


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_record_that_something_else_wrote_is_damaged_though_its_root_is_as_it_was(damage: str):
    with closing(sqlite3.connect(".mlops/state.db")) as record, record:
        record.execute(damage)
    endpoint("wine", "green", "red")
    for _ in range(2):
        assert "E-STATE-DAMAGED" in str(come_of(cached=True))
        endpoint("wine", "green")


def test_a_record_is_verified_once_whose_file_is_another(remembered: Planned, monkeypatch: pytest.MonkeyPatch):
    looks, real = list[object](), TableStore.verify
    monkeypatch.setattr(TableStore, "verify", lambda store: looks.append(store) or real(store))
    assert plan() == remembered
    assert looks == []
    shutil.copy(".mlops/state.db", "copy")
    Path("copy").rename(".mlops/state.db")
    for _ in range(2):
        assert plan() == remembered
    assert len(looks) == 1


def test_an_apply_of_nothing_reads_no_file_and_tells_the_same(remembered: Planned):
    with counted() as loads, open_workspace(None) as workspace:
        applied = pipeline.apply(workspace, pipeline.Wish())
    assert loads == []
    assert (applied.planned, applied.outcomes) == (remembered, ())


def test_an_endpoint_of_the_same_content_under_another_name_is_told_apart(remembered: Planned):
    put("manifests/rose/endpoint.yml", ENDPOINT.replace("NAME", "rose").replace("traffic: {blue: 100}\n", ""))
    assert [str(step.address) for step in plan().plan.steps] == ["endpoint/rose"]
    Path("manifests/rose/endpoint.yml").unlink()
    assert plan() == remembered
