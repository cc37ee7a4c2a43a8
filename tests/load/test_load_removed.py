"""Whoever took a resource away is told from history alone, and only where history says so."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.load import Options
from reconciler.load.authorship.removed import with_removals
from tests.git_here import git

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
MODEL = f"{SCHEMAS}/model.schema.json\nname: {{name}}\nversion: 1\npath: weights.txt\n"
NAMES = ((1, "risk"), (2, "spare"))
BLUE = f"{SCHEMAS}/managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: credit\n"


def commit(author: str) -> None:
    git("add", "--all")
    git("commit", "-qm", "x", "--author", f"{author} <a@example.org>")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init")
    Path("m").mkdir()
    Path("m/a.yml").write_text(MODEL.format(name="risk") + "---\n" + MODEL.format(name="spare"))
    Path("m/blue.yml").write_text(BLUE)
    commit("Ana")
    return tmp_path


def said(address: str, paths: tuple[str, ...] = ("m",), variables: Mapping[str, str] | None = None) -> str:
    step = Step(1, Action.DELETE, Address.parse(address), "no longer in the manifests", (), {}, None)
    (made,), blame = with_removals([step], Path.cwd(), Options(variables=variables or {}), paths=paths)
    assert bool(made.fields) == bool(blame)
    return " ".join(f"{field.source} {blame[field.source].author}" for field in made.fields if field.source).strip()[4:]


def test_one_of_several_documents_in_a_file(repository: Path):
    Path("m/a.yml").write_text(MODEL.format(name="risk"))
    commit("Ben")
    assert said("model/spare:1") == "m/a.yml:7 Ben"


def test_a_deployment_that_went_to_another_endpoint(repository: Path):
    Path("m/blue.yml").write_text(BLUE.replace("credit", "debit"))
    commit("Ben")
    assert said("deployment/credit/blue") == "m/blue.yml:2 Ben"


def test_a_file_that_left_the_folder(repository: Path):
    git("mv", "m/blue.yml", "blue.yml")
    commit("Ben")
    assert said("deployment/credit/blue") == "m/blue.yml:2 Ben"
    assert said("deployment/credit/blue", paths=("HEAD:m",)) == "HEAD:m/blue.yml:2 Ben"


def test_what_was_taken_away_on_a_branch_is_whose_it_was_there(repository: Path):
    git("checkout", "-qb", "side")
    git("rm", "-q", "m/blue.yml")
    commit("Ben")
    git("checkout", "-q", "main")
    Path("other.txt").write_text("")
    commit("Cem")
    git("merge", "-q", "--no-edit", "side")
    assert said("deployment/credit/blue") == "m/blue.yml:2 Ben"


def test_what_came_back_and_went_again_is_whose_it_went_by_last(repository: Path):
    for author in ("Ben", "Cem"):
        Path("m/blue.yml").unlink()
        commit(author)
        Path("m/blue.yml").write_text(BLUE)
        commit("Ana")
    Path("m/blue.yml").unlink()
    assert said("deployment/credit/blue") == "m/blue.yml:2"
    commit("Dan")
    assert said("deployment/credit/blue") == "m/blue.yml:2 Dan"


def test_two_that_stood_on_one_line_one_after_the_other_are_not_mixed_up(repository: Path):
    for name, author in (("risk", "Ben"), ("spare", "Cem")):
        Path("m/b.yml").write_text(MODEL.format(name=f"{name}2"))
        commit("Ana")
        Path("m/b.yml").unlink()
        commit(author)
    steps = [Step(n, Action.DELETE, Address.parse(f"model/{name}2:1"), "", (), {}, None) for n, name in NAMES]
    made, blame = with_removals(steps, Path.cwd(), Options(), paths=("m",))
    found = [field.source for step in made for field in step.fields]
    assert [f"{source} {blame[source].author}" for source in found if source] == [
        "was m/b.yml:2 Ben",
        "was m/b.yml:2 Cem",
    ]


def test_what_had_moved_before_it_went_uncommitted(repository: Path):
    assert said("model/spare:1") == ""
    git("mv", "m/a.yml", "m/z.yml")
    commit("Ben")
    Path("m/z.yml").unlink()
    assert said("model/spare:1") == "m/z.yml:7"


def test_traffic_that_stops_first_goes_with_its_endpoint(repository: Path):
    Path("m/credit.yml").write_text(f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: credit\n")
    commit("Ana")
    Path("m/credit.yml").unlink()
    commit("Ben")
    credit, stops = Address.parse("endpoint/credit"), (FieldChange("traffic", {"blue": 100}, None),)
    steps = [Step(1, Action.ROUTE, credit, "", stops, {}, {}), Step(2, Action.DELETE, credit, "", (), {}, None)]
    made, blame = with_removals(steps, Path.cwd(), Options(), paths=("m",))
    assert [blame[field.source].author for step in made for field in step.fields if field.source] == ["Ben", "Ben"]


def test_a_name_that_a_variable_gives(repository: Path):
    Path("m/blue.yml").write_text(BLUE.replace("blue", "{{WHICH}}"))
    commit("Ana")
    Path("m/blue.yml").unlink()
    commit("Ben")
    assert said("deployment/credit/green", variables={"WHICH": "green"}) == "m/blue.yml:2 Ben"


@pytest.mark.parametrize("address", ["model/never:1", "endpoint/credit", "model/spare:2"])
def test_of_what_was_never_there_nothing_is_said(repository: Path, address: str):
    assert said(address) == ""


def test_where_the_variable_is_another_now_nothing_is_said(repository: Path):
    """The file is as the commit has it, and the deployment went with a change of `mlops.yaml`."""
    Path("m/blue.yml").write_text(BLUE.replace("blue", "{{WHICH}}"))
    commit("Ana")
    assert said("deployment/debit/blue", variables={"WHICH": "green"}) == ""


def test_without_git_or_a_whole_repository_nothing_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch):
    assert said("model/spare:1", paths=("..",)) == ""
    (repository / ".git" / "HEAD").write_text("nonsense")
    assert said("model/spare:1") == ""
    monkeypatch.setenv("PATH", str(repository))
    assert said("model/spare:1") == ""
