"""What is in no commit is not applied where that is required, and every run says from which commit it is."""

import pytest
from command_line import Repository


@pytest.fixture
def committed(repo: Repository) -> Repository:
    repo.write(".gitignore", ".mlops\nlive.jsonl\n*.json\n")
    repo.git("init", "-q", "-b", "main")
    repo.git("add", "--all")
    repo.git("commit", "-qm", "first")
    return repo


def refused(repo: Repository, *words: str) -> str:
    said = repo.apply(*words, code=4).err
    assert not (repo.folder / "live.jsonl").exists()
    return said


def test_what_differs_from_the_commit_is_refused_by_name(committed: Repository):
    committed.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    committed.write("manifests/src/helper.py", "")
    committed.edit("mlops.yaml", "file: live.jsonl", "file: live.jsonl, max_delete: 9")
    said = refused(committed, "--require-clean")
    for line in (
        "E-UNCLEAN: not all of this is in a commit",
        "manifests/blue.yml differs from the commit",
        "manifests/src/helper.py is in no commit",
        "mlops.yaml differs from the commit",
    ):
        assert line in said
    assert committed.apply().code == 0


def test_the_name_of_a_file_begins_no_line(committed: Repository):
    committed.write("manifests/src/x\n::error::y", "")
    assert "  manifests/src/x\\n::error::y is in no commit" in refused(committed, "--require-clean").splitlines()


def test_a_target_may_require_it(committed: Repository):
    committed.edit("mlops.yaml", "file: live.jsonl", "file: live.jsonl, require_clean: true")
    assert "mlops.yaml differs from the commit" in refused(committed)
    committed.git("commit", "-qam", "second")
    assert committed.apply().code == 0
    committed.edit("mlops.yaml", "require_clean: true", "require_clean: yes please")
    assert "require_clean" in committed.apply(code=1).err


def test_what_the_command_line_gives_is_in_no_commit(committed: Repository):
    said = refused(committed, "--require-clean", "--set", "deployment/credit/blue.instance_count=2", "--var", "SIZE=x")
    assert "SIZE, deployment/credit/blue.instance_count: what the command line gives is in no commit" in said


def test_a_saved_plan_is_held_to_it_too(committed: Repository):
    committed.mlops("plan", "--out", "p.json", "--set", "deployment/credit/blue.instance_count=2")
    given = ("--set", "deployment/credit/blue.instance_count=2")
    committed.mlops("apply", "--plan", "p.json", "--require-clean", *given, code=4)
    committed.mlops("plan", "--out", "p.json")
    committed.mlops("apply", "--plan", "p.json", "--require-clean")


def test_a_revision_is_what_its_commit_says(committed: Repository):
    """And the run is written down as that commit's, not the checkout's."""
    committed.apply("--require-clean")
    first = committed.mlops("status", "--format", "json").json["last_run"]
    committed.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    committed.git("commit", "-qam", "second")
    committed.edit("manifests/blue.yml", "instance_count: 2", "instance_count: 3")
    committed.apply("HEAD:manifests", "--require-clean")
    second = committed.mlops("status", "--format", "json").json["last_run"]
    assert (first["commit"] != second["commit"], second["dirty"]) == (True, False)
    committed.apply("HEAD~1:manifests")
    third = committed.mlops("status", "--format", "json").json["last_run"]
    assert (third["commit"], third["dirty"]) == (first["commit"], False)


def test_outside_of_a_repository_nothing_is_clean(repo: Repository):
    assert "is in no git repository" in refused(repo, "--require-clean")
