"""Containers tell what they have loaded, past the gateway and by themselves."""

from docker_world import World

from reconciler.core.address import Address
from reconciler.load.digest import content_digest
from tests.hosted_world import answering

BLUE = Address.parse("deployment/credit/blue")


def test_each_container_tells_the_digest_of_the_code_that_it_loaded(world: World):
    world.do("create", "endpoint/credit", {"auth_mode": "key"})
    spec = world.deployment(answering("blue"), instance_count=2)
    world.do("create", str(BLUE), spec)
    digest = content_digest(world.contents.path(spec["code_configuration"]["code"]["digest"]))
    served = world.provider.served()
    assert [(each.deployment, each.why, each.parts["code"].loaded) for each in served] == [(BLUE, "", digest)] * 2
    assert len({each.instance for each in served}) == 2
