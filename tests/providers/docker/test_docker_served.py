"""Containers tell what they have loaded, past the gateway and by themselves."""

from docker_world import World

from reconciler.core.address import Address
from reconciler.load.disk.digest import content_digest
from tests.hosted_world import answering
from tests.waiting import until

BLUE = Address.parse("deployment/credit/blue")


def test_each_container_tells_the_digest_of_the_code_that_it_loaded(world: World):
    world.do("create", "endpoint/credit", {"auth_mode": "key"})
    spec = world.deployment(answering("blue"), instance_count=2)
    world.do("create", str(BLUE), spec)
    digest = content_digest(world.contents.path(spec["code_configuration"]["code"]["digest"]))
    served = world.provider.served()
    assert [(each.deployment, each.why, each.parts["code"].loaded) for each in served] == [(BLUE, "", digest)] * 2
    assert len({each.instance for each in served}) == 2


def test_content_that_was_altered_in_its_volume_is_filled_into_another_one(world: World):
    world.do("create", "endpoint/credit", {"auth_mode": "key"})
    spec = world.deployment(answering("blue"))
    world.do("create", str(BLUE), spec)
    digest = content_digest(world.contents.path(spec["code_configuration"]["code"]["digest"]))
    (container,) = world.containers()
    alter(world, container)
    world.api.restart(container)
    until(lambda: loaded(world) not in ("", digest))
    world.provider.renew(BLUE, spec)
    world.do("roll_out", str(BLUE), spec)
    assert loaded(world) == digest


def loaded(world: World) -> str:
    (found,) = world.provider.served()
    return found.parts["code"].loaded if found.parts else ""


def alter(world: World, container: str) -> None:
    """Edit the script in the volume, where instances can only read it."""
    mounts = world.api.inspect_container(container)["Mounts"]
    (volume,) = (each["Name"] for each in mounts if each["Destination"].startswith("/var/azureml-app"))
    edit = world.api.create_container(
        world.image,
        ["sh", "-c", "chmod u+w /v/score.py && echo '# edited' >> /v/score.py"],
        user="0",
        entrypoint="",
        labels={"mlops.project": world.project},
        host_config=world.api.create_host_config(binds={volume: {"bind": "/v", "mode": "rw"}}, network_mode="none"),
    )["Id"]
    world.api.start(edit)
    assert world.api.wait(edit)["StatusCode"] == 0
    world.api.remove_container(edit)
