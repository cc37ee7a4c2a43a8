"""`mlops plan --against REV`: what the files would change since a revision of git, wherever the record is."""

import pytest
from audited import audited
from command_line import ENDPOINT, Repository
from hostile_repository import hostile

import reconciler

NOTHING = "No changes. 4 resources are as the manifests say (target dev, against HEAD).\n"


@pytest.fixture
def committed(repo: Repository) -> Repository:
    """Everything committed, and nothing applied; the record is at a place that nobody here can reach."""
    repo.edit("mlops.yaml", "default: true", "default: true, state: 'postgresql://u@127.0.0.1:9/x'")
    commit(repo, "one")
    return repo


def commit(repo: Repository, message: str) -> None:
    repo.write(".gitignore", ".mlops/\n")
    repo.git("init", "-q", "-b", "main")
    repo.git("add", "--all")
    repo.git("commit", "-qm", message)


def test_it_is_offline_so_that_nothing_that_is_known_is_believed_or_kept(
    committed: Repository, monkeypatch: pytest.MonkeyPatch
):
    assert committed.mlops("plan", "--against", "HEAD").out == NOTHING
    monkeypatch.chdir(committed.folder)
    assert not reconciler.plan(against="HEAD").steps
    assert [*committed.folder.glob(".mlops/cache/revisions/*")]
    assert not [*committed.folder.glob(".mlops/cache/*.db")]


def test_a_path_of_a_revision_is_the_same_path_there(committed: Repository):
    assert committed.mlops("plan", "HEAD:manifests", "--against", "HEAD").out == NOTHING
    committed.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    commit(committed, "two")
    assert committed.steps("HEAD:manifests", "--against", "HEAD~1") == ["scale deployment/credit/blue"]


def test_what_differs_since_a_revision_is_planned(committed: Repository):
    assert committed.mlops("plan", "--against", "HEAD").out == NOTHING
    committed.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    committed.write("manifests/endpoint.yml", ENDPOINT + "description: theirs\n")
    told = committed.mlops("plan", "--against", "HEAD").out
    assert "instance_count  1 -> 3   [manifests/blue.yml:" in told
    assert told.endswith("1 to scale, 1 to update; 2 unchanged (target dev, against HEAD).\n")
    commit(committed, "two")
    assert committed.mlops("plan", "--against", "HEAD").out == NOTHING
    assert committed.steps("--against", "HEAD~1") == ["scale deployment/credit/blue", "update endpoint/credit"]


def test_what_is_no_longer_there_is_deleted_and_what_is_new_created(committed: Repository):
    committed.remove("manifests/blue.yml")
    committed.edit("manifests/endpoint.yml", "traffic:\n  blue: 100\n", "traffic: {}\n")
    committed.write("manifests/other.yml", ENDPOINT.replace("credit", "other").replace("traffic:\n  blue: 100\n", ""))
    steps = committed.steps("--against", "HEAD")
    assert {"create endpoint/other", "delete deployment/credit/blue", "route endpoint/credit"} <= set(steps)


def test_the_settings_of_the_revision_count_there(committed: Repository):
    committed.write("mlops.yaml", committed.read("mlops.yaml").replace("default: true", OVERRIDDEN))
    assert committed.steps("--against", "HEAD") == ["scale deployment/credit/blue"]


OVERRIDDEN = "default: true, overrides: {deployment/credit/blue: {instance_count: 2}}"


def test_a_secret_that_is_not_here_is_compared_as_it_is_referred_to(committed: Repository):
    committed.edit(
        "manifests/blue.yml", "instance_count: 1", "instance_count: 1\nenvironment_variables: {A: '${{secret:A}}'}"
    )
    commit(committed, "with a secret")
    assert committed.steps("--against", "HEAD") == []
    committed.edit("manifests/blue.yml", "${{secret:A}}", "${{secret:B}}")
    assert committed.steps("--against", "HEAD") == ["roll_out deployment/credit/blue"]


def test_what_is_wrong_at_the_revision_hinders_nobody_from_mending_it(committed: Repository):
    committed.edit("manifests/blue.yml", "instance_count: 1", "instance_count: one")
    commit(committed, "broken")
    committed.edit("manifests/blue.yml", "instance_count: one", "instance_count: 1")
    assert committed.steps("--against", "HEAD") == ["create deployment/credit/blue"]


def test_settings_that_are_wrong_at_the_revision_hinder_nobody_from_mending_them(committed: Repository):
    right = committed.read("mlops.yaml")
    committed.write("mlops.yaml", "manifests: [\n")
    commit(committed, "broken")
    committed.write("mlops.yaml", right)
    assert committed.mlops("plan", "--against", "HEAD").out == NOTHING


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD^{/--output=x}", "::error::x"])
def test_no_revision_is_refused(committed: Repository, revision: str):
    assert ":1:1: E-GIT: " in committed.mlops("plan", f"--against={revision}", code=1).err


def test_a_revision_that_is_none_is_called_as_it_was_given(repo: Repository):
    said = repo.mlops("plan", "--against", "HEAD", code=1).err
    assert said.startswith("HEAD:1:1: E-GIT: HEAD is not there, and no revision either: this is not a git repository")


def test_nothing_of_either_side_runs_and_no_socket_is_made(repo: Repository):
    mark = hostile(repo)
    seen = audited(repo, "plan", "--against", "HEAD~1", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert seen.out.endswith("against HEAD~1).\n")
    assert (seen.of("socket.", "http.client"), seen.run_from(repo.folder), mark.exists()) == ([], [], False)


def test_it_is_as_a_revision_is_from_any_folder(committed: Repository):
    said = committed.mlops("plan", "..", "--against", "HEAD", below="manifests/src").out
    assert said == NOTHING


def test_a_label_is_resolved_on_both_sides(committed: Repository):
    committed.edit("manifests/blue.yml", "azureml:risk:1", "azureml:risk@latest")
    commit(committed, "by label")
    assert committed.mlops("plan", "--against", "HEAD").out.endswith(f"\n{NOTHING}")
