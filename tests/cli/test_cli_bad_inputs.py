"""Bad inputs that need a record, a repository or a target: each is told in these words, and nothing is touched."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from command_line import BLUE, SCHEMAS, Repository, files_holding, model
from on_engine import OnEngine

SAYS_DB = "import os\n\n\ndef init(): pass\n\n\ndef run(raw_data): return os.environ['DB']\n"
DB = "environment_variables:\n  DB: u:${{secret:db.main}}\n"


def everything(folder: Path) -> dict[str, object]:
    """Every file of the user and the target, and what is recorded; a run that is refused held the lock all the same."""
    files: dict[str, object] = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".mlops" not in path.parts
    }
    return {**files, "record": recorded(folder / ".mlops/state.db")}


def recorded(file: Path) -> object:
    """The rows of a record, none where there is no file; its bytes where it is none."""
    if not file.exists():
        return [[], [], []]
    try:
        with contextlib.closing(sqlite3.connect(file)) as database:
            tables = ("entries", "journal", "runs")
            return [database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
    except sqlite3.DatabaseError:
        return file.read_bytes()


def refused(repository: Repository, *words: str, code: int = 1, **variables: str) -> str:
    """What an apply says that must touch nothing."""
    before = everything(repository.folder)
    said = repository.mlops("apply", "--auto-approve", *words, code=code, **variables).err
    assert everything(repository.folder) == before
    return said


def test_b10_a_file_of_one_byte_too_many_is_refused(applied: Repository):
    text = applied.read("manifests/blue.yml")
    applied.write("manifests/blue.yml", text + "#" * (1_048_577 - len(text)))
    message = "manifests/blue.yml:1:1: E-YAML-SIZE: file is 1048577 bytes; the limit is 1048576"
    assert message in refused(applied)
    assert message in applied.mlops("validate", code=1).out
    applied.write("manifests/blue.yml", text + "#" * (1_048_576 - len(text)))
    assert applied.steps() == []


def test_b28_a_recorded_endpoint_is_known_to_a_single_file(applied: Repository):
    applied.write(
        "new/green.yml", BLUE.replace("blue", "green").replace("endpoint_name: credit", "endpoint_name: crdt")
    )
    applied.write("new/src/score.py", SAYS_DB)
    assert (
        "new/green.yml:3:1: E-REF: endpoint 'crdt' is not defined here nor recorded; did you mean credit?"
        in refused(applied, "new/green.yml")
    )
    applied.edit("new/green.yml", "crdt", "credit")
    assert applied.steps("new/green.yml") == ["create deployment/credit/green"]


def test_b35_a_quota_that_does_not_suffice_is_refused_with_its_numbers(applied: Repository):
    applied.edit("mlops.yaml", "default: true}", "default: true, quota: {standardDSv2Family: 40}}")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 10")
    said = refused(applied, code=4)
    assert "E-QUOTA: 10 x Standard_DS3_v2 needs 48 cores (with the 20 % reserve); 40 of 40 free at step #1" in said


def test_b39_links_that_leave_the_repository_are_refused(applied: Repository):
    applied.git("init", "--quiet")
    (applied.folder / "manifests/src/etc").symlink_to("/etc")
    said = refused(applied)
    assert "manifests/blue.yml:7:3: E-LINK-OUT: src: etc links to /etc, outside the repository" in said
    (applied.folder / "manifests/src/etc").unlink()
    (applied.folder / "manifests/src").rename(applied.folder.parent / "src")
    (applied.folder / "manifests/src").symlink_to(applied.folder.parent / "src")
    assert "manifests/blue.yml:7:3: E-LINK-OUT: src links to" in refused(applied)


def test_b47_a_label_is_told_and_refused_where_the_target_is_pinned(applied: Repository):
    applied.edit("manifests/blue.yml", "azureml:risk:1", "azureml:risk@latest")
    planned = applied.mlops("plan")
    message = "UNPINNED: azureml:risk@latest: @latest is not reproducible; write azureml:risk:VERSION"
    assert f"manifests/blue.yml:4:1: W-{message}" in planned.err
    assert "pin:  model/risk@latest is model/risk:1" in planned.out
    applied.edit("mlops.yaml", "default: true}", "default: true, pinned: true}")
    assert f"manifests/blue.yml:4:1: E-{message}" in refused(applied)
    assert f"E-{message}" in applied.mlops("validate", code=1).out


def test_b50_an_image_without_a_version_is_told_and_refused_where_the_target_is_pinned(applied: Repository):
    applied.write(
        "manifests/other.yml", f"{SCHEMAS}/environment.schema.json\nname: other\nversion: 1\nimage: base:latest\n"
    )
    message = "image has no digest, tag latest moves: base:latest; write base@sha256:DIGEST, or a version's tag"
    assert f"manifests/other.yml:4:1: W-IMAGE: {message}" in applied.mlops("plan").err
    applied.edit("mlops.yaml", "default: true}", "default: true, pinned: true}")
    assert f"manifests/other.yml:4:1: E-UNPINNED: {message}" in refused(applied)


@pytest.fixture
def referring(repo: Repository) -> Repository:
    """A deployment with a variable that holds a secret."""
    repo.edit("manifests/blue.yml", "instance_count: 1\n", f"instance_count: 1\n{DB}")
    return repo


def test_b54_a_secret_that_does_not_resolve_is_refused_by_plan_and_apply_and_none_is_needed_to_validate(
    referring: Repository,
):
    message = "blue.yml:12:3: E-SECRET-REF: secret 'db.main' not found in source env; set MLOPS_SECRET_DB_MAIN"
    assert message in refused(referring)
    assert message in referring.mlops("plan", code=1, MLOPS_SECRET_DB_MAIN="").err
    assert referring.mlops("validate").out == "4 resources: 0 errors, 0 warnings\n"
    referring.mlops("destroy", "--auto-approve")


def test_b54_a_secret_that_resolves_is_shown_nowhere_and_another_value_is_a_roll_out(referring: Repository):
    said = [referring.mlops("plan", "--out", "p.json", MLOPS_SECRET_DB_MAIN="tiger-1")]
    said += [referring.mlops("apply", "--plan", "p.json", MLOPS_SECRET_DB_MAIN="tiger-1")]
    said += [referring.mlops("plan", "--detailed-exitcode", MLOPS_SECRET_DB_MAIN="tiger-1")]
    other = referring.mlops("plan", "--format", "json", MLOPS_SECRET_DB_MAIN="tiger-2")
    assert [(step["action"], step["fields"][0]["path"]) for step in other.json["steps"]] == [
        ("roll_out", "environment_variables.DB")
    ]
    assert "tiger" not in "".join(ran.out + ran.err for ran in [*said, other])
    assert files_holding("tiger", [referring.folder]) == []


def test_b54_a_saved_plan_holds_for_its_secrets_alone(referring: Repository):
    referring.mlops("plan", "--out", "p.json", MLOPS_SECRET_DB_MAIN="tiger-1")
    assert "stale plan" in referring.mlops("apply", "--plan", "p.json", code=6, MLOPS_SECRET_DB_MAIN="tiger-2").err


def test_b54_a_secret_reaches_the_instance_of_a_local_target(local: Repository):
    local.edit("manifests/blue.yml", "instance_count: 1\n", f"instance_count: 1\n{DB}")
    local.write("manifests/src/score.py", SAYS_DB)
    local.mlops("apply", "--auto-approve", MLOPS_SECRET_DB_MAIN="tiger-1")
    assert local.mlops("invoke", "credit").out == '"u:tiger-1"\n'
    local.mlops("apply", "--auto-approve", MLOPS_SECRET_DB_MAIN="tiger-2")
    assert local.mlops("invoke", "credit").out == '"u:tiger-2"\n'


@pytest.mark.docker
def test_b54_a_secret_reaches_the_instance_of_an_engine(docker: OnEngine):
    docker.edit("manifests/blue.yml", "instance_count: 1\n", f"instance_count: 1\n{DB}")
    docker.write("manifests/src/score.py", SAYS_DB)
    docker.mlops("apply", "--auto-approve", MLOPS_SECRET_DB_MAIN="tiger-1")
    assert docker.mlops("invoke", "credit").out == '"u:tiger-1"\n'


def test_b57_a_field_that_cannot_change_in_place_is_a_replacement_that_says_so_and_what_it_ends(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    applied.apply()
    applied.edit("manifests/blue.yml", "Standard_DS3_v2", "Standard_F4s_v2")
    assert "E-DELETE-TRAFFIC: blue has 100 % of traffic and would be deleted" in refused(applied, code=4)
    applied.edit("manifests/endpoint.yml", "blue: 100", "blue: 0")
    planned = applied.mlops("plan").out
    assert (
        "- delete deployment/credit/blue (to be replaced: instance_type cannot change in place; ends 3 instances"
        in planned
    )
    assert "+ create deployment/credit/blue (replaced: instance_type cannot change in place" in planned
    assert "instance_type  Standard_DS3_v2 -> Standard_F4s_v2   [manifests/blue.yml:9]" in planned


def test_b57_a_replacement_of_what_is_protected_is_refused(applied: Repository):
    applied.edit("mlops.yaml", "default: true}", "default: true, protect: [endpoint/credit]}")
    applied.edit("manifests/endpoint.yml", "name: credit", "name: credit\nlocation: northeurope")
    said = refused(applied, code=4)
    assert (
        "E-PROTECTED: endpoint/credit is protected and would be deleted (to be replaced: location cannot change" in said
    )


def test_b57_other_content_under_a_registered_version_is_refused(applied: Repository):
    applied.write("manifests/weights-1.txt", "other\n")
    message = (
        "model risk:1 is registered with another path, and a version never changes; raise the version, or leave it out"
    )
    assert f"E-IMMUTABLE: {message}" in refused(applied)


def test_b57_another_kind_of_endpoint_is_a_replacement(applied: Repository):
    applied.edit("manifests/endpoint.yml", "name: credit", "name: credit\ncompute: azureml:cluster")
    planned = applied.mlops("plan").out
    assert "- delete endpoint/credit (to be replaced: compute cannot change in place" in planned
    assert "- delete deployment/credit/blue (to be replaced: its endpoint is; ends 1 instance" in planned


def test_b58_a_deployment_whose_file_is_gone_keeps_what_its_endpoint_sends_it(applied: Repository):
    applied.write("manifests/green.yml", BLUE.replace("name: blue", "name: green"))
    applied.edit("manifests/endpoint.yml", "blue: 100", "blue: 90\n  green: 10")
    applied.apply()
    applied.remove("manifests/blue.yml")
    said = refused(applied)
    assert "manifests/endpoint.yml:5:3: E-DELETE-TRAFFIC: blue has 90 % of traffic and would be deleted" in said
    assert "move it to another deployment first" in said
    applied.edit("manifests/endpoint.yml", "blue: 90\n  green: 10", "green: 100")
    assert applied.steps() == ["route endpoint/credit", "delete deployment/credit/blue"]


def test_b59_a_newer_state_is_refused_by_plan_and_apply_and_not_touched(applied: Repository):
    with sqlite3.connect(applied.folder / ".mlops/state.db") as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    message = "state.db: E-STATE-NEWER: state schema 9, this tool knows 2; upgrade mlops"
    assert message in applied.mlops("plan", code=1).err
    assert message in refused(applied)


def test_b59_a_state_of_another_program_and_a_damaged_one_are_refused_and_not_touched(applied: Repository):
    with sqlite3.connect(applied.folder / ".mlops/state.db") as database:
        database.execute("PRAGMA application_id = 7")
    database.close()
    assert "state.db: E-STATE-FOREIGN: this is no state of mlops" in refused(applied)
    applied.write(".mlops/state.db", "this is no database" * 100)
    assert "state.db: E-STATE-DAMAGED: the state is damaged: file is not a database" in refused(applied)


@pytest.mark.parametrize("path", ["HEAD:manifests", "main:manifests"])
def test_b60_a_revision_outside_of_git_says_so(applied: Repository, path: str):
    message = f"{path}:1:1: E-GIT: {path} is not there, and no revision either: this is not a git repository"
    assert message in refused(applied, path)


def test_b60_conflict_markers_are_told_where_the_first_of_them_stands(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1\n", "<<<<<<< HEAD\ninstance_count: 2\n=======\n>>>>>>> x\n")
    assert "manifests/blue.yml:10:1: E-GIT: conflict marker; resolve the merge" in refused(applied)


@pytest.fixture
def committed(applied: Repository) -> Repository:
    """The same, all of it in one commit."""
    applied.write(".gitignore", "live.jsonl\n")
    applied.git("init", "--quiet")
    applied.git("add", "--all")
    applied.git("commit", "--quiet", "--message", "all")
    return applied


@pytest.mark.parametrize(
    ("changed", "text", "told"),
    [
        ("manifests/blue.yml", BLUE + "description: edited\n", "manifests/blue.yml"),
        ("manifests/src/score.py", SAYS_DB, "manifests/src/score.py"),
        ("manifests/new/model.yml", model(2).replace("weights-2", "../weights-1"), "manifests/new"),
    ],
)
@pytest.mark.parametrize("ci", ["true", ""])
def test_b60_in_ci_a_file_that_is_applied_and_in_no_commit_is_told(
    committed: Repository, changed: str, text: str, told: str, ci: str
):
    committed.write(changed, text)
    said = committed.apply(CI=ci)
    assert said.out.endswith("Apply: 1 succeeded.\n")
    assert (f"{told}:1:1: W-GIT: differs from the commit, and this is CI" in said.err) == bool(ci)


def test_b60_in_ci_what_is_not_applied_may_be_as_it_likes(committed: Repository):
    committed.write("report.json", "{}")
    committed.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    committed.git("commit", "--quiet", "--all", "--message", "two")
    assert "W-GIT" not in committed.apply(CI="true").err
