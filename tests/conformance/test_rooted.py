"""What a provider promises that says in a few bytes whether its side is as it was."""

from collections.abc import Callable, Iterator

import pytest

from reconciler.core.plan import Action
from reconciler.providers.registry import BUILT_IN, provider_named
from tests.conformance.test_provider import Caller
from tests.conformance.worlds import MemoryFileWorld, MemoryWorld, World

ROOTED = [MemoryWorld, MemoryFileWorld]
METHODS = ("root", "digests", "some", "known")


@pytest.fixture(params=ROOTED, ids=lambda world: world.name)
def world(request, tmp_path) -> Iterator[World]:
    made = request.param.of(tmp_path, request)
    yield made
    made.end()


@pytest.fixture
def call(world) -> Caller:
    return Caller(world.provider)


@pytest.fixture
def served(world, call) -> World:
    """An endpoint with the deployment blue."""
    call(Action.CREATE, world.endpoint, world.endpoint_spec())
    call(Action.CREATE, world.blue, world.deployment_spec())
    return world


CHANGES: dict[str, Callable[[World, Caller], object]] = {
    "create": lambda world, call: call(Action.CREATE, world.green, world.deployment_spec()),
    "scale": lambda world, call: call(Action.SCALE, world.blue, world.deployment_spec(instance_count=2)),
    "update": lambda world, call: call(Action.UPDATE, world.endpoint, world.endpoint_spec(description="new")),
    "route": lambda world, call: call(Action.ROUTE, world.endpoint, world.endpoint_spec(traffic={"blue": 100})),
    "the same with another operation": lambda world, call: call(Action.SCALE, world.blue, world.deployment_spec()),
    "delete": lambda world, call: call(Action.DELETE, world.blue, None),
    "fence": lambda world, _call: world.provider.fence(world.blue, 9),
    "fence of what is not there": lambda world, _call: world.provider.fence(world.green, 9),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_root_is_another_once_a_list_or_a_fence_is(served, call, change):
    before = served.provider.root()
    assert served.provider.root() == before
    change(served, call)
    assert served.provider.root() != before


def test_every_object_that_is_listed_has_a_digest_and_nothing_else_has(served, call):
    call(Action.CREATE, served.green, served.deployment_spec())
    call(Action.DELETE, served.green, None)
    served.provider.fence(served.green, 9)
    assert served.provider.digests().keys() == {served.endpoint, served.blue}


def test_the_digest_of_an_object_is_another_once_it_is_told_otherwise_and_that_of_others_stays(served, call):
    before = served.provider.digests()
    call(Action.SCALE, served.blue, served.deployment_spec())
    after = served.provider.digests()
    assert after[served.endpoint] == before[served.endpoint]
    assert after[served.blue] != before[served.blue]


def test_some_objects_are_told_as_in_the_list(served):
    listed = {item.address: item for item in served.provider.list()}
    assert list(served.provider.some([served.blue])) == [listed[served.blue]]
    found = served.provider.some([served.blue, served.green, served.endpoint])
    assert {item.address: item for item in found} == listed
    assert list(served.provider.some([])) == []


def test_objects_whose_digests_are_known_are_told_as_in_the_list_also_once_they_changed(served, call):
    digests = served.provider.digests()
    assert {*served.provider.known({})} == set()
    for _ in range(2):
        listed = {item.address: item for item in served.provider.list()}
        found = served.provider.known(digests)
        assert {item.address: item for item in found} == listed
        call(Action.SCALE, served.blue, served.deployment_spec(instance_count=2))


def test_another_opening_of_the_target_tells_the_same_digests(served):
    again = served.open_again()
    if again is None:
        pytest.skip(f"{served.name} lives as long as its process")
    try:
        assert (again.root(), again.digests()) == (served.provider.root(), served.provider.digests())
        assert list(again.some([served.blue])) == list(served.provider.some([served.blue]))
    finally:
        again.close()


def test_the_providers_that_are_tried_here_are_those_that_have_a_root():
    found = {name for name in BUILT_IN if all(hasattr(provider_named(name), method) for method in METHODS)}
    assert found == {"memory"}
