"""Everything of a project is taken off an engine, whatever became of the test that made it."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from docker import APIClient
from docker.errors import APIError, NotFound

# Written down once more, not imported: the tests of the provider sweep, whatever state the provider is in.
PROJECT = "mlops.project"


def sweep(host: str, project: str) -> None:
    """Remove the services, containers, networks, volumes, images, secrets and configs labelled with a project."""
    api = APIClient(base_url=host, version="auto")
    try:
        _sweep(api, {"label": f"{PROJECT}={project}"})
    finally:
        api.close()


def _sweep(api: APIClient, ours: dict[str, str]) -> None:
    in_swarm = api.info()["Swarm"].get("ControlAvailable", False)
    if in_swarm:
        _each(api.remove_service, (found["ID"] for found in api.services(filters=ours)))
    _each(
        lambda name: api.remove_container(name, force=True, v=True),
        (found["Id"] for found in api.containers(all=True, filters=ours)),
    )
    _each(api.remove_network, (found["Id"] for found in api.networks(filters=ours)))
    _each(
        lambda name: api.remove_volume(name, force=True),
        (found["Name"] for found in api.volumes(filters=ours)["Volumes"] or ()),
    )
    _each(lambda name: api.remove_image(name, force=True), (found["Id"] for found in api.images(filters=ours)))
    if in_swarm:
        _each(api.remove_secret, (found["ID"] for found in api.secrets(filters=ours)))
        _each(api.remove_config, (found["ID"] for found in api.configs(filters=ours)))


def _each(remove: Callable[[str], object], names: Iterable[str]) -> None:
    for name in names:
        with suppress(NotFound):
            try:
                remove(name)
            except APIError as error:
                if "already in progress" not in str(error.explanation):
                    raise
