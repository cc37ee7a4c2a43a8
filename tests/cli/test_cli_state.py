"""A state that was lost is made anew from the live objects, as if it had never been gone."""

import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from command_line import Repository, model
from on_engine import NOTHING, OnEngine, engine

from reconciler.record.sqlite import SqliteStore
from tests.waiting import until

REFUSED = 4
WITH_PASSWORD = "environment_variables:\n  PASSWORD: hunter2\n"


def state_file(repository: Repository) -> Path:
    return repository.folder / ".mlops" / "state.db"


def lose_the_state(repository: Repository, *, key: bool = False) -> None:
    for file in state_file(repository).parent.glob("state.*"):
        if key or file.suffix != ".key":
            file.unlink()


def entries(repository: Repository) -> dict[str, tuple[object, int, str, str]]:
    """What is recorded, without anything that a new record may have otherwise."""
    store = SqliteStore(state_file(repository), "dev")
    with closing(store):
        state = store.read()
    return {
        str(address): (entry.spec, entry.generation, entry.operation, entry.created)
        for address, entry in state.entries.items()
    }


def lineage(repository: Repository) -> str:
    found: str = repository.mlops("status", "--format", "json").json["lineage"]
    return found


def rebuild(repository: Repository, code: int = 0) -> str:
    ran = repository.mlops("state", "rebuild", "--auto-approve", code=code)
    return ran.err if code else ran.out


def test_f22_after_a_rebuild_the_plan_is_empty(applied: Repository) -> None:
    before = lineage(applied)
    lose_the_state(applied)
    applied.mlops("plan", code=REFUSED)
    said = rebuild(applied)
    assert f"Recorded 4 resources of lineage {before}" in said
    assert applied.steps() == []
    assert applied.mlops("drift", "--detailed-exitcode").code == 0
    assert lineage(applied) == before


def test_f22_a_rebuilt_record_is_the_one_that_was_lost_but_for_what_nobody_claims(applied: Repository) -> None:
    before = entries(applied)
    lose_the_state(applied)
    rebuild(applied)
    applied.apply()  # records the traffic, which the manifests claim
    after = entries(applied)
    assert {name: facts[:3] for name, facts in after.items()} == {name: facts[:3] for name, facts in before.items()}


def test_f22_nothing_live_is_changed(applied: Repository) -> None:
    before = applied.read("live.jsonl")
    lose_the_state(applied)
    rebuild(applied)
    assert applied.read("live.jsonl") == before


def test_f22_what_changes_after_a_rebuild_is_applied_as_ever(applied: Repository) -> None:
    lose_the_state(applied)
    rebuild(applied)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert applied.steps() == ["scale deployment/credit/blue"]
    applied.apply()
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 2


def test_what_was_deleted_before_the_loss_can_be_made_again(applied: Repository) -> None:
    green = applied.read("manifests/blue.yml").replace("name: blue", "name: green")
    for _ in range(3):
        applied.write("manifests/green.yml", green)
        applied.apply()
        applied.remove("manifests/green.yml")
        applied.apply()
    lose_the_state(applied)
    rebuild(applied)
    applied.write("manifests/green.yml", green)
    applied.apply()
    assert "deployment/credit/green" in applied.live()


def test_the_latest_version_stays_the_one_that_was_made_last(applied: Repository) -> None:
    for version in (9, 10):
        applied.write(f"manifests/weights-{version}.txt", str(version))
        applied.write(f"manifests/risk-{version}.yml", model(version))
        applied.apply()
    applied.edit("manifests/blue.yml", "azureml:risk:1", "azureml:risk@latest")
    applied.apply()
    assert applied.live()["deployment/credit/blue"]["model"] == "azureml:risk:10"
    lose_the_state(applied)
    rebuild(applied)
    assert applied.steps() == []


def test_a_state_of_another_identity_that_holds_nothing_is_replaced(applied: Repository) -> None:
    before = lineage(applied)
    lose_the_state(applied)
    applied.apply(code=REFUSED)
    assert lineage(applied) != before
    rebuild(applied)
    assert lineage(applied) == before


def test_what_the_record_lacks_is_added_to_it(applied: Repository) -> None:
    store = SqliteStore(state_file(applied), "dev")
    with closing(store), store.lock({"user": "ana"}, timeout_s=0):
        blue = next(address for address in store.read().entries if address.name == "blue")
        store.note(blue, None)
    said = applied.mlops("state", "rebuild", "--auto-approve").out
    assert "Found 1 resource" in said
    assert "3 resources recorded already" in said
    assert applied.steps() == []


def test_a_rebuild_of_what_is_all_there_changes_nothing(applied: Repository) -> None:
    before = entries(applied)
    assert "Recorded 0 resources" in rebuild(applied)
    assert entries(applied) == before


def test_a_record_of_another_state_is_not_written_over(applied: Repository) -> None:
    shutil.copy(applied.folder / "live.jsonl", applied.folder / "kept.jsonl")
    lose_the_state(applied)
    (applied.folder / "live.jsonl").unlink()
    applied.apply()
    shutil.copy(applied.folder / "kept.jsonl", applied.folder / "live.jsonl")
    before = entries(applied)
    said = rebuild(applied, code=REFUSED)
    assert "the record holds 4 resources of lineage" in said
    assert entries(applied) == before


def test_live_objects_of_several_states_are_named_and_refused(applied: Repository) -> None:
    lines = [json.loads(line) for line in applied.read("live.jsonl").splitlines()]
    lines[0]["lineage"] = "another"
    applied.write("live.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    lose_the_state(applied)
    said = rebuild(applied, code=REFUSED)
    assert f"another made {lines[0]['address']}" in said


def test_a_target_without_anything_of_a_state_is_told(repo: Repository) -> None:
    assert "there is nothing to rebuild a record from" in rebuild(repo, code=REFUSED)


def test_nobody_at_the_terminal_is_refused_before_anything_is_written(applied: Repository) -> None:
    lose_the_state(applied)
    said = applied.mlops("state", "rebuild", code=REFUSED)
    assert "+ deployment/credit/blue" in said.out
    assert "--auto-approve" in said.err
    assert entries(applied) == {}


def test_the_run_is_in_the_history(applied: Repository) -> None:
    lose_the_state(applied)
    rebuild(applied)
    told = applied.mlops("status", "--format", "json").json["last_run"]
    assert (told["command"], told["outcome"]) == ("state rebuild", "succeeded")


def test_variables_keep_their_digests_while_the_key_is_there(repo: Repository) -> None:
    repo.edit("manifests/blue.yml", "name: blue\n", f"name: blue\n{WITH_PASSWORD}")
    repo.apply()
    lose_the_state(repo)
    rebuild(repo)
    assert repo.steps() == []


def test_a_provider_that_cannot_reveal_values_shows_a_change_once_and_says_so(repo: Repository) -> None:
    repo.edit("manifests/blue.yml", "name: blue\n", f"name: blue\n{WITH_PASSWORD}")
    repo.apply()
    lose_the_state(repo, key=True)
    said = repo.mlops("state", "rebuild", "--auto-approve").err
    assert "deployment/credit/blue: the values of secrets are not at hand" in said
    assert repo.steps() == ["roll_out deployment/credit/blue"]
    repo.apply()
    assert repo.steps() == []


def test_a_rebuild_that_was_cut_off_is_brought_to_its_end(applied: Repository) -> None:
    lose_the_state(applied)
    applied.apply(code=REFUSED)
    with closing(sqlite3.connect(state_file(applied))) as connection:
        found = lineage_of_live(applied)
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    store = SqliteStore(state_file(applied), "dev")
    with closing(store), store.lock({"user": "ana"}, timeout_s=0):
        store.adopt(found)
    rebuild(applied)
    assert applied.steps() == []


def test_a_docker_target_goes_on_although_all_that_was_kept_of_it_is_lost(docker: OnEngine) -> None:
    docker.edit("manifests/blue.yml", "name: blue\n", f"name: blue\n{WITH_PASSWORD}")
    docker.write(
        "manifests/src/score.py", "import os\n\n\ndef init(): pass\n\n\ndef run(_): return os.environ['PASSWORD']\n"
    )
    docker.apply()
    keys = docker.mlops("credentials", "credit").out
    uri = docker.mlops("show", "endpoint/credit", "--query", "scoring_uri").out
    (serving,) = docker.containers("blue")
    shutil.rmtree(docker.folder / ".mlops")
    assert docker.mlops("state", "rebuild", "--auto-approve").err == ""
    assert docker.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert docker.mlops("credentials", "credit").out == keys
    assert docker.mlops("show", "endpoint/credit", "--query", "scoring_uri").out == uri
    assert docker.mlops("invoke", "credit").out == '"hunter2"\n'
    assert [each.id for each in docker.containers("blue")] == [serving.id]
    serving.remove(force=True)
    assert docker.steps() == ["scale deployment/credit/blue"]
    docker.apply()
    assert docker.mlops("invoke", "credit").out == '"hunter2"\n'
    docker.mlops("destroy", "--auto-approve")
    assert docker.things() == NOTHING


def test_what_was_lost_with_the_record_is_drift_and_restarts_that_an_apply_has_seen_are_not(docker: OnEngine) -> None:
    docker.apply()
    (serving,) = docker.containers("blue")
    os.kill(serving.attrs["State"]["Pid"], signal.SIGKILL)
    until(lambda: "restarted: " in docker.mlops("drift").out)
    docker.apply()
    assert docker.steps() == []
    docker.end()
    shutil.rmtree(docker.folder / ".mlops")
    rebuild(docker)
    assert docker.steps() == []
    docker.end()
    shutil.rmtree(docker.folder / ".mlops")
    docker.kill("blue")
    until(lambda: [each.status for each in docker.containers("blue")] == ["exited"])
    rebuild(docker)
    told = docker.mlops("drift", "--detailed-exitcode", code=2).out
    assert "instance_count: recorded 1, live 0" in told
    docker.apply()
    assert docker.mlops("invoke", "credit").out == '"blue"\n'


def test_containers_without_any_record_are_planned_away(docker: OnEngine) -> None:
    docker.apply()
    forget(docker)
    docker.remove("manifests/blue.yml")
    docker.edit("manifests/endpoint.yml", "traffic:\n  blue: 100\n", "")
    assert "deployment/credit/blue: missing (1 container that no record speaks of)" in docker.mlops("drift").out
    assert "delete deployment/credit/blue" in docker.steps()
    docker.apply()
    assert docker.containers() == []
    assert docker.steps() == []


def test_containers_without_any_record_give_way_to_what_is_wanted(docker: OnEngine) -> None:
    docker.apply()
    (orphan,) = docker.containers("blue")
    forget(docker)
    assert "create deployment/credit/blue" in docker.steps()
    docker.apply()
    (serving,) = docker.containers("blue")
    assert serving.id != orphan.id
    assert docker.mlops("invoke", "credit").out == '"blue"\n'


def test_containers_of_another_state_are_refused_and_not_touched(docker: OnEngine) -> None:
    docker.apply()
    (theirs,) = docker.containers("blue")
    forget(docker)
    lose_the_state(docker, key=True)
    assert "E-FOREIGN: deployment/credit/blue exists already" in docker.apply(code=REFUSED).err
    assert "there is nothing to rebuild a record from" in rebuild(docker, code=REFUSED)
    (still,) = docker.containers("blue")
    assert (still.id, still.status) == (theirs.id, "running")


def forget(docker: OnEngine) -> None:
    """Lose the target's folder and its records on the engine, but neither the state nor what runs."""
    docker.end()
    shutil.rmtree(docker.layout.folder)
    with engine(docker.host) as client:
        for volume in client.volumes.list(filters={"label": [f"mlops.project={docker.project}", "mlops.kind=record"]}):
            volume.remove()


def lineage_of_live(repository: Repository) -> str:
    found: str = json.loads(repository.read("live.jsonl").splitlines()[0])["lineage"]
    return found


def test_a_local_target_goes_on_without_a_change_although_state_and_key_are_lost(local: Repository) -> None:
    local.edit("manifests/blue.yml", "name: blue\n", f"name: blue\n{WITH_PASSWORD}")
    local.write(
        "manifests/src/score.py", "import os\n\n\ndef init(): pass\n\n\ndef run(_): return os.environ['PASSWORD']\n"
    )
    local.apply()
    pid = local.mlops("show", "deployment/credit/blue", "--query", "instances[0].pid").out
    lose_the_state(local, key=True)
    assert local.mlops("state", "rebuild", "--auto-approve").err == ""
    assert local.steps() == []
    assert local.mlops("show", "deployment/credit/blue", "--query", "instances[0].pid").out == pid
    # The value is at hand for further instances too.
    local.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert local.steps() == ["scale deployment/credit/blue"]
    local.apply()
    assert local.mlops("invoke", "credit").out == '"hunter2"\n'


def test_a_list_of_nothing_says_so(repo: Repository) -> None:
    told = repo.mlops("state", "list")
    assert (told.out.strip(), "Nothing is recorded (target dev)" in told.err) == ("", True)
