"""What opens endpoints lies in private files and in private volumes of the engine, and nowhere else."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_world import World

from tests.keys_in_use import OPTIONS, Used
from tests.secrets_sought import held, in_files, in_processes, of_others


@pytest.fixture(params=["process", "container"])
def used(
    request: pytest.FixtureRequest, tmp_path: Path, engine_host: str, project: str, serving_image: str, envoy_image: str
) -> Iterator[Used]:
    """With a gateway that is a process, or a container."""
    image = {"image": envoy_image} if request.param == "container" else {}
    world = World(tmp_path, engine_host, project, serving_image, gateway={**OPTIONS, **image})
    try:
        yield Used(world)
    finally:
        world.end()


def test_only_private_files_and_volumes_hold_them(used: Used):
    world = used.world
    used.until_logged()
    found = in_files(used.secrets, [world.layout.folder.parent, Path(tempfile.gettempdir())], since=used.began)
    volumes = world.api.volumes(filters={"label": f"mlops.project={world.project}"})["Volumes"]
    kept = {Path(volume["Mountpoint"]): volume for volume in volumes}
    of_folder = {
        str(path.relative_to(world.layout.folder)) for path in found if path.is_relative_to(world.layout.folder)
    }
    of_engine = {path for path in found if any(path.is_relative_to(place) for place in kept)}
    assert of_folder == {
        "gateway/routes.json",
        "secrets/endpoint%2Fcredit.json",
        "signing-key.pem",
        "tls/certificate-and-key.pem",
    }
    assert len(of_folder) + len(of_engine) == len(found), sorted(found)
    assert of_others(path for path in found if path not in of_engine) == []
    assert [str(path) for path in of_engine if path.stat().st_mode & 0o077 and path.parent.stat().st_mode & 0o077] == []
    assert in_processes(used.secrets) == []
    assert used.admin_tells() == []


def test_the_engine_tells_none(used: Used):
    api, ours = used.world.api, {"label": f"mlops.project={used.world.project}"}
    containers = api.containers(all=True, filters=ours)
    told = [
        *(api.inspect_container(each["Id"]) for each in containers),
        *api.volumes(filters=ours)["Volumes"],
        *api.networks(filters=ours),
        *(api.inspect_image(each["Image"]) for each in containers),
    ]
    assert len(told) > 4
    assert held(used.secrets, json.dumps(told).encode()) == []
    for each in containers:
        assert held(used.secrets, api.logs(each["Id"])) == []
