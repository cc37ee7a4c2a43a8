"""Canaries in what a docker target is told, and all that its engine tells searched for them."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from canaries import (
    ALL,
    BY_REFERENCE,
    INDEX,
    command_lines_showing,
    files_showing,
    found_in,
    variables_showing,
)
from docker import DockerClient
from on_engine import OnEngine, engine
from test_cli_canaries import GIVEN, SCORE, WRITTEN, Told, environment

from tests.ending import processes_of
from tests.providers.docker.image_world import package_index, saved

CONDA = "dependencies:\n  - python=3\n  - pip:\n      - --extra-index-url %s\n      - tiny\n"
# What provider and gateway keep for themselves, and what instances print, which `mlops logs` shows and nothing else.
PRIVATE = tuple(f"repo/.mlops/docker/dev/{name}" for name in ("secrets/", "keeper/console.jsonl", "gateway/"))


@pytest.fixture
def told(docker: OnEngine, tmp_path: Path) -> Iterator[Told]:
    """A repository whose environment comes from an index that wants a password."""
    with package_index(f"ana:{INDEX}") as address:
        made = Told(docker, "docker", environment(tmp_path))
        docker.write(WRITTEN, CONDA % address.replace(INDEX, "${{secret:index}}"))
        docker.write("manifests/src/score.py", SCORE)
        yield made


@pytest.fixture
def built(engine_host: str) -> Iterator[list[str]]:
    """Images that are removed afterwards: the index is never at that address again."""
    images: list[str] = []
    yield images
    with engine(engine_host) as client:
        for image in images:
            client.images.remove(image)


def _made_here(docker: OnEngine) -> list[str]:
    """The image of the environment, and those that it was made from here, by name."""
    (image,) = {container.image.id: container.image for container in docker.containers()}.values()
    tags = [tag for layer in image.history() for tag in layer["Tags"] or ()]
    return [tag for tag in tags if tag.startswith("mlops/env:")]


def told_by(client: DockerClient, project: str, since: int) -> dict[str, bytes]:
    """By its name all that the engine tells to whoever may ask it, but the environment of an instance and its prints.

    Those hold secrets, as is documented.
    """
    ours = {"label": f"mlops.project={project}"}
    things: dict[str, Any] = {}
    found: dict[str, bytes] = {}
    for container in client.containers.list(all=True, filters=ours):
        things[container.name], image = container.attrs, container.image
        things[f"image {image.id}"] = [image.attrs, image.history()]
        if container.labels["mlops.kind"] == "instance":
            assert things[container.name]["Config"].pop("Env")
        else:
            found[f"{container.name}: logs"] = container.logs()
            found |= {f"{container.name}: {place}": data for place, data in _mounted(container)}
    for thing in (*client.volumes.list(filters=ours), *client.networks.list(filters=ours)):
        things[f"{type(thing).__name__} {thing.name}"] = thing.attrs
    things["events"] = list(client.events(since=since, until=int(time.time()) + 1, decode=True))
    return found | {name: json.dumps(thing, ensure_ascii=False).encode() for name, thing in things.items()}


def _mounted(container: Any) -> Iterator[tuple[str, bytes]]:
    for mount in container.attrs["Mounts"]:
        yield mount["Destination"], b"".join(container.get_archive(mount["Destination"])[0])


def showing(data: dict[str, bytes], wanted: Sequence[str]) -> dict[str, list[str]]:
    return {name: found for name, content in data.items() if (found := found_in(content, wanted))}


def leaks(docker: OnEngine, since: int, wanted: Sequence[str]) -> list[Any]:
    """Whatever shows a secret where none is due: on the engine, in files, in processes of this machine."""
    with engine(docker.host) as client:
        everything = told_by(client, docker.project, since)
    kinds = {kind for kind in ("image", "Volume", "Network", "events") if any(kind in name for name in everything)}
    assert kinds == {"image", "Volume", "Network", "events"}
    files = files_showing(docker.folder.parent, wanted)
    for name in files:
        mode = (docker.folder.parent / name).stat().st_mode
        assert not name.startswith(PRIVATE) or mode & 0o077 == 0, name
    processes = processes_of(docker.folder)
    assert processes
    return [
        *showing(everything, wanted).items(),
        *((name, found) for name, found in files.items() if not name.startswith(PRIVATE)),
        *command_lines_showing(docker.folder, wanted),
        *(name for process in processes for name in variables_showing(process, wanted)),
    ]


@pytest.mark.timeout(900)
def test_no_sink_of_a_docker_target_shows_a_secret(told: Told, docker: OnEngine, built: list[str]):
    since = int(time.time())
    told.run("plan", *GIVEN, "--out", "p.json")
    told.run("apply", "--plan", "p.json", *GIVEN)
    keys = docker.mlops("credentials", "credit", **told.variables).json
    wanted = (*ALL, keys["primaryKey"])
    assert leaks(docker, since, wanted) == []
    built += _made_here(docker)
    with engine(docker.host) as client:
        layers = saved(client.api, built[0])
    assert layers
    assert showing(layers, wanted) == {}
    docker.edit("manifests/blue.yml", "  DB: ", "  BROKEN: 'yes'\n  DB: ")
    assert "the password is ***" in told.run("apply", "--auto-approve", *GIVEN, "--debug", code=5)
    told.run("status")
    told.run("show", "deployment/credit/blue")
    told.run("drift")
    assert (told.shown(), leaks(docker, since, wanted)) == ([], [])
    assert BY_REFERENCE in docker.mlops("logs", "deployment/credit/blue", **told.variables).out
    told.run("destroy", "--auto-approve")
    assert told.shown() == []


def test_the_search_of_an_engine_would_find_a_secret(docker: OnEngine, serving_image: str):
    """What proves that nothing was seen must be able to see: in a label, a command, a name, a log and a volume."""
    label = {"mlops.project": docker.project, "mlops.kind": "other"}
    since = int(time.time())
    with engine(docker.host) as client:
        volume = client.volumes.create(f"{docker.project}-v", labels={**label, "note": BY_REFERENCE})
        client.networks.create(f"{docker.project}-n", labels={**label, "note": BY_REFERENCE})
        container = client.containers.create(
            serving_image,
            ["sh", "-c", 'echo "$IT" | tee /v/file'],
            environment={"IT": BY_REFERENCE},
            labels={**label, "note": INDEX},
            volumes={volume.name: {"bind": "/v", "mode": "rw"}},
        )
        container.start()
        container.wait()
        seen = showing(told_by(client, docker.project, since), ALL)
    name = container.name
    assert {
        key: found for key, found in seen.items() if key.startswith((name, "Volume", "Network"))
    } == {
        name: [BY_REFERENCE, INDEX],
        f"{name}: logs": [BY_REFERENCE],
        f"{name}: /v": [BY_REFERENCE],
        f"Volume {volume.name}": [BY_REFERENCE],
        f"Network {docker.project}-n": [BY_REFERENCE],
    }  # fmt: skip
    assert INDEX in seen["events"]
