"""What a target knows is on its engine too, and comes back from there when the target's folder is lost."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.core.rollout import Gates, Rollout
from reconciler.core.secret import Secret
from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.recorded import RecordedObjects
from reconciler.providers.docker.records import Records
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object

CREDIT = Address("endpoint", "credit")
BLUE = Address("deployment", "blue", endpoint="credit")
RISK = Address("model", "risk", version="3")
PASSWORD = "not in any label"

# Stores an object, and dies as by `kill -9` at the call of the engine whose number is given.
CUT_OFF = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from reconciler.core.address import Address
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.recorded import RecordedObjects
from reconciler.providers.docker.records import Records

engine = Engine(sys.argv[1])
send, left = engine.api.send, [int(sys.argv[4])]

def sent(request, **more):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return send(request, **more)

engine.api.send = sent
objects = RecordedObjects(Path(sys.argv[3]), Records(engine, Names(sys.argv[2])))
credit = Address("endpoint", "credit")
objects.keep_secrets(credit, {"primaryKey": "second"})
objects.put(replace(objects.held(credit), status="Updating"))
"""


@pytest.fixture
def engine(engine_host: str) -> Iterator[Engine]:
    opened = Engine(engine_host)
    yield opened
    opened.close()


@pytest.fixture
def objects(engine: Engine, project: str, tmp_path: Path) -> RecordedObjects:
    return opened(engine, project, tmp_path / "target")


def opened(engine: Engine, project: str, folder: Path) -> RecordedObjects:
    """The objects as another process would open them."""
    return RecordedObjects(folder, Records(engine, Names(project)))


@pytest.fixture
def gone_engine(engine_host: str) -> Iterator[Engine]:
    """An engine that was stopped after it was connected to."""
    lost = Engine(engine_host)

    def send(*_args: object, **_more: object) -> None:
        raise requests.ConnectionError("('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))")

    lost.api.send = send
    yield lost
    lost.close()


def endpoint(**fields: object) -> Object:
    return replace(Object(CREDIT, {"auth_mode": "key", "traffic": {"blue": 100}}, "ours", 7, "op-7"), **fields)  # type: ignore[arg-type]


def deployment() -> Object:
    spec = {"instance_count": 2, "environment_variables": {"PASSWORD": Secret("d1", PASSWORD)}}
    return Object(
        BLUE,
        spec,
        "ours",
        9,
        "op-9",
        status="Updating",
        serving=("a", "b"),
        created="2026-01-31T12:00:00+00:00",
        versions={"a": "v1"},
    )


def asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the engine is asked from now on."""
    urls: list[str] = []
    send = engine.api.send
    monkeypatch.setattr(engine.api, "send", lambda request, **more: urls.append(request.url) or send(request, **more))
    return urls


def volumes(engine: Engine, project: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.api.volumes(filters={"label": f"mlops.project={project}"})["Volumes"]
    return found


def test_everything_comes_back_when_the_folder_is_lost(objects: RecordedObjects, engine: Engine, project: str) -> None:
    moving = Rollout("op-7", {"blue": 100}, {"green": 100}, (10, 100), 60.0, Gates(0.01), place=1, since=12.5)
    held = [endpoint(rollout=moving), deployment(), Object(RISK, {"path": {"digest": "d"}}, "other", 2, "op-2")]
    objects.keep_secrets(CREDIT, {"primaryKey": "first", "secondaryKey": "other"})
    for item in held:
        objects.put(item)
    objects.keep_secrets(BLUE, {"d1": PASSWORD})
    shutil.rmtree(objects.folder)
    restored = opened(engine, project, objects.folder)
    assert {item.address: item for item in restored.all()} == {item.address: item for item in held}
    assert restored.secrets(CREDIT) == {"primaryKey": "first", "secondaryKey": "other"}
    assert restored.secrets(BLUE) == {"d1": PASSWORD}


@pytest.mark.parametrize("first", ["get", "held", "of_endpoint", "has_endpoints", "secrets", "keep_secrets", "put"])
def test_whatever_is_asked_first_finds_the_objects(
    objects: RecordedObjects, engine: Engine, project: str, first: str
) -> None:
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    objects.put(endpoint())
    shutil.rmtree(objects.folder)
    restored = opened(engine, project, objects.folder)
    {
        "get": lambda: restored.get(RISK),
        "held": lambda: restored.held(CREDIT),
        "of_endpoint": lambda: restored.of_endpoint("credit"),
        "has_endpoints": restored.has_endpoints,
        "secrets": lambda: restored.secrets(CREDIT),
        "keep_secrets": lambda: restored.keep_secrets(RISK, {"some": "other"}),
        "put": lambda: restored.put(Object(RISK, {}, "ours", 1, "op-1")),
    }[first]()
    assert (restored.folder / "objects" / "endpoint%2Fcredit.json").exists()
    assert restored.secrets(CREDIT) == {"primaryKey": "first"}


def test_operations_older_than_the_record_are_refused_after_the_loss(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    shutil.rmtree(objects.folder)
    restored = opened(engine, project, objects.folder)
    with pytest.raises(ProviderError, match="operation of generation 6 is late; 7 has been here"):
        restored.admit(CREDIT, Operation("op", "ours", 6))


def test_operations_of_another_state_are_refused_before_anything_is_touched(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    before = volumes(engine, project)
    # One checkout that reads what the engine has, and one that has looked before anything was there.
    reading = opened(engine, project, objects.folder.with_name("reading"))
    assert reading.get(CREDIT) == endpoint()
    early = opened(engine, project, objects.folder.with_name("early"))
    (early.folder / "objects").mkdir(parents=True)
    told = rf"project {project} on this engine belongs to another state \(lineage ours\).*`docker: project`"
    for each in (reading, early):
        with pytest.raises(ProviderError, match=told):
            each.admit(RISK, Operation("op", "another", 1))
    assert volumes(engine, project) == before


def test_what_was_only_read_of_another_state_goes_with_its_project(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    facts = Layout(objects.folder).gateway_facts
    facts.parent.mkdir(parents=True)
    facts.write_text('{"port": 12345}')
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    objects.put(endpoint())
    objects.mirror()
    folder = objects.folder.with_name("another")
    assert opened(engine, project, folder).get(CREDIT) == endpoint()
    assert Layout(folder).gateway_facts.exists()
    moved = opened(engine, f"{project}-2", folder)
    assert list(moved.all()) == []
    assert moved.secrets(CREDIT) == {}
    assert not Layout(folder).gateway_facts.exists()
    moved.admit(RISK, Operation("op", "another", 1))
    assert opened(engine, project, objects.folder).get(CREDIT) == endpoint()


@pytest.mark.parametrize("lost", [False, True])
def test_another_mode_or_project_is_refused_while_anything_is_held(
    objects: RecordedObjects, engine: Engine, project: str, lost: bool
) -> None:
    objects.admit(CREDIT, Operation("op-7", "ours", 7))
    objects.put(endpoint())
    if lost:
        shutil.rmtree(objects.folder)
        assert opened(engine, project, objects.folder).get(CREDIT) == endpoint()
    swarm = RecordedObjects(objects.folder, Records(engine, Names(project)), "swarm")
    assert "runs in mode: containers; set mode: containers again" in swarm.moved()
    with pytest.raises(ProviderError, match="runs in mode: containers"):
        swarm.admit(CREDIT, Operation("op-8", "ours", 8))
    again = opened(engine, project, objects.folder)
    again.admit(CREDIT, Operation("op-8", "ours", 8))
    assert f"docker: project: {project}" in opened(engine, f"{project}-2", objects.folder).moved()
    again.remove(CREDIT)
    swarm.admit(CREDIT, Operation("op-9", "ours", 9))
    assert swarm.moved() == ""


def test_the_last_change_counts_and_leaves_nothing_of_those_before(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    for status in ("Creating", "Updating", "Succeeded"):
        objects.put(endpoint(status=status))
    objects.keep_secrets(CREDIT, {"primaryKey": "second"})
    assert len(volumes(engine, project)) == 2
    shutil.rmtree(objects.folder)
    restored = opened(engine, project, objects.folder)
    assert restored.held(CREDIT).status == "Succeeded"
    assert restored.secrets(CREDIT) == {"primaryKey": "second"}


def test_a_removed_object_stays_removed(objects: RecordedObjects, engine: Engine, project: str) -> None:
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    objects.put(endpoint())
    objects.admit(CREDIT, Operation("op-8", "ours", 8))
    objects.remove(CREDIT)
    assert volumes(engine, project) == []
    shutil.rmtree(objects.folder)
    assert opened(engine, project, objects.folder).get(CREDIT) is None


def test_a_record_of_another_checkout_stays(objects: RecordedObjects, engine: Engine, project: str) -> None:
    objects.put(endpoint())
    another = opened(engine, project, objects.folder.with_name("another"))
    (another.folder / "objects").mkdir(parents=True)
    another.put(Object(RISK, {}, "theirs", 1, "op-1"))
    assert {each["Labels"]["mlops.address"] for each in volumes(engine, project)} == {"endpoint/credit", "model/risk:3"}


def test_a_volume_of_somebody_else_is_refused_and_not_touched(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    (volume,) = volumes(engine, project)
    name = str(volume["Name"]).removesuffix("-1") + "-2"
    engine.api.create_volume(name, labels={"owner": "somebody"})
    try:
        with pytest.raises(ProviderError, match=f"volume {name} is somebody else's"):
            objects.put(endpoint(status="Updating"))
        assert engine.api.inspect_volume(name)["Labels"] == {"owner": "somebody"}
    finally:
        engine.api.remove_volume(name)


def test_a_volume_that_an_engine_was_about_to_make_when_it_ended_is_made_anew(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    (volume,) = volumes(engine, project)
    # What is left of it, as was seen: its name, and no label.
    engine.api.create_volume(str(volume["Name"]).removesuffix("-1") + "-2")
    objects.put(endpoint(status="Updating"))
    (volume,) = volumes(engine, project)
    assert '"Updating"' in volume["Labels"]["mlops.body"]


def test_no_secret_is_in_a_label(objects: RecordedObjects, engine: Engine, project: str) -> None:
    objects.put(deployment())
    objects.keep_secrets(BLUE, {"d1": PASSWORD})
    assert len(volumes(engine, project)) == 2
    assert PASSWORD not in json.dumps(volumes(engine, project))


def test_a_record_says_whose_it_is(objects: RecordedObjects, engine: Engine, project: str) -> None:
    objects.put(endpoint())
    (volume,) = volumes(engine, project)
    labels = volume["Labels"]
    assert {name: labels[f"mlops.{name}"] for name in ("kind", "address", "lineage", "generation", "operation")} == {
        "kind": "record",
        "address": "endpoint/credit",
        "lineage": "ours",
        "generation": "7",
        "operation": "op-7",
    }


def test_reading_asks_nothing_of_the_engine(
    objects: RecordedObjects, engine: Engine, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put(endpoint())
    urls = asked(engine, monkeypatch)
    again = opened(engine, project, objects.folder)
    assert len(list(again.all())) == 1
    again.secrets(CREDIT)
    again.fence(CREDIT, 8)
    assert urls == []


def test_a_target_that_never_had_anything_is_looked_up_once(
    objects: RecordedObjects, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = asked(engine, monkeypatch)
    assert list(objects.all()) == []
    assert objects.get(CREDIT) is None
    assert len(urls) == 1


def test_a_change_makes_one_volume_and_removes_one(
    objects: RecordedObjects, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    objects.put(endpoint())
    urls = asked(engine, monkeypatch)
    objects.put(endpoint(status="Updating"))
    assert len(urls) == 3
    objects.put(endpoint(status="Updating"))
    assert len(urls) == 4


def test_an_object_of_a_megabyte_has_room_in_a_label(objects: RecordedObjects, engine: Engine, project: str) -> None:
    large = endpoint(spec={"tags": {"story": "x" * (1 << 20)}})
    objects.put(large)
    shutil.rmtree(objects.folder)
    assert opened(engine, project, objects.folder).held(CREDIT) == large


def test_an_engine_that_is_gone_is_told_in_one_line_and_misses_nothing_for_good(
    objects: RecordedObjects, engine: Engine, gone_engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    objects.put(Object(RISK, {}, "ours", 1, "op-1"))
    objects.admit(RISK, Operation("op-2", "ours", 2))
    gone = opened(gone_engine, project, objects.folder)
    with pytest.raises(ProviderError) as told:
        gone.put(endpoint(status="Failed"))
    assert "\n" not in str(told.value)
    with pytest.raises(ProviderError):
        gone.remove(RISK)
    # Another change, of the next apply, brings all that was missed.
    opened(engine, project, objects.folder).put(deployment())
    shutil.rmtree(objects.folder)
    restored = opened(engine, project, objects.folder)
    assert {str(item.address): item.status for item in restored.all()} == {
        "deployment/credit/blue": "Updating",
        "endpoint/credit": "Failed",
    }


def test_a_restoration_that_fails_begins_anew(
    objects: RecordedObjects, engine: Engine, gone_engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    shutil.rmtree(objects.folder)
    gone = opened(gone_engine, project, objects.folder)
    with pytest.raises(ProviderError):
        list(gone.all())
    assert list(objects.folder.iterdir()) == []
    assert opened(engine, project, objects.folder).held(CREDIT) == endpoint()


@pytest.mark.parametrize("call", range(9))
def test_wherever_a_process_is_killed_the_record_is_whole(
    objects: RecordedObjects, engine_host: str, engine: Engine, project: str, call: int
) -> None:
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    objects.put(endpoint())
    words = [sys.executable, "-c", CUT_OFF, engine_host, project, str(objects.folder), str(call)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    kept = objects.folder.with_name("kept")
    objects.folder.rename(kept)
    restored = opened(engine, project, objects.folder)
    found = (restored.held(CREDIT).status, restored.secrets(CREDIT)["primaryKey"])
    assert found in {("Succeeded", "first"), ("Succeeded", "second"), ("Updating", "second")}
    # With the folder, the next change mends the record and clears what the killed one left.
    mended = opened(engine, project, kept)
    mended.mirror()
    assert len(volumes(engine, project)) == 2
    assert engine.api.containers(all=True, filters={"label": f"mlops.project={project}"}) == []
    shutil.rmtree(objects.folder)
    again = opened(engine, project, objects.folder)
    assert (again.held(CREDIT).status, again.secrets(CREDIT)) == (mended.held(CREDIT).status, {"primaryKey": "second"})


def test_an_object_whose_secrets_somebody_removed_is_not_there(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.keep_secrets(CREDIT, {"primaryKey": "first"})
    objects.put(endpoint())
    objects.put(Object(RISK, {}, "ours", 1, "op-1"))
    (secrets,) = (each["Name"] for each in volumes(engine, project) if "-secrets-" in str(each["Name"]))
    engine.api.remove_volume(secrets)
    shutil.rmtree(objects.folder)
    assert [str(item.address) for item in opened(engine, project, objects.folder).all()] == ["model/risk:3"]


def test_a_volume_that_tells_nothing_is_passed_over_and_cleared_away(
    objects: RecordedObjects, engine: Engine, project: str
) -> None:
    objects.put(endpoint())
    engine.api.create_volume(Names(project).of("record", "empty"), labels=Names(project).labels("record"))
    again = opened(engine, project, objects.folder)
    again.put(endpoint(status="Updating"))
    assert len(volumes(engine, project)) == 1


def test_the_gateways_address_and_keys_come_back(objects: RecordedObjects, engine: Engine, project: str) -> None:
    layout = Layout(objects.folder)
    objects.put(endpoint())
    files = {
        layout.gateway_facts: '{"port": 12345}',
        layout.signing_key: PASSWORD,
        layout.certificate: "certificate",
        layout.certificate.with_name("certificate-and-key.pem"): f"certificate {PASSWORD}",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    objects.mirror()
    assert PASSWORD not in json.dumps(volumes(engine, project))
    shutil.rmtree(objects.folder)
    assert opened(engine, project, objects.folder).held(CREDIT) == endpoint()
    assert {path: path.read_text() for path in files} == files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    restored = opened(engine, project, objects.folder)
    restored.remove(CREDIT)
    restored.mirror()
    assert volumes(engine, project) == []


def test_two_processes_that_restore_at_once_find_the_same(
    objects: RecordedObjects, engine: Engine, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.put(endpoint())
    objects.put(Object(RISK, {}, "ours", 1, "op-1"))
    shutil.rmtree(objects.folder)
    slow, rename = opened(engine, project, objects.folder), Path.rename

    def overtaken(path: Path, to: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        assert len(list(opened(engine, project, objects.folder).all())) == 2
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", overtaken)
    assert len(list(slow.all())) == 2
    assert not list(objects.folder.glob(".objects*"))
