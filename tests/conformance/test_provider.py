"""What every provider promises, tried against each of them; a provider joins by a line in `PROVIDERS`."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from reconciler.apply.recover import recover
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import Entry, Live
from reconciler.errors import ProviderError
from reconciler.providers.memory import MemoryProvider
from reconciler.providers.provider import Adopting, Provider, Setting
from reconciler.providers.registry import BUILT_IN, GROUP, provider_named
from reconciler.providers.rooted import Selective
from reconciler.record.memory import Memory, MemoryStore
from reconciler.record.store import Intent
from tests.conformance.worlds import DockerWorld, LocalWorld, MemoryFileWorld, MemoryWorld, SwarmWorld, World

REAL = [pytest.param(world, marks=pytest.mark.docker) for world in (DockerWorld, SwarmWorld)]
PROVIDERS = [MemoryWorld, MemoryFileWorld, LocalWorld, *REAL]


@pytest.fixture(params=PROVIDERS, ids=lambda world: world.name)
def world(request, tmp_path) -> Iterator[World]:
    made = request.param.of(tmp_path, request)
    yield made
    made.end()


@pytest.fixture
def provider(world) -> Provider:
    return world.provider


class Caller:
    """Calls a provider as apply does: every call with an operation of its own and a growing generation."""

    def __init__(self, provider: Provider, lineage: str = "ours") -> None:
        self.provider, self.lineage, self.generations = provider, lineage, itertools.count(1)

    def __call__(self, action: Action, address, after, before=None, generation=None) -> Operation:
        number = generation or next(self.generations)
        operation = Operation(f"op-{number}", self.lineage, number)
        step = Step(1, action, address, "a test", (), before, after)
        getattr(self.provider, action)(step, operation)
        return operation


@pytest.fixture
def call(provider) -> Caller:
    return Caller(provider)


@pytest.fixture
def served(world, call) -> World:
    """An endpoint with the deployment blue."""
    call(Action.CREATE, world.endpoint, world.endpoint_spec())
    call(Action.CREATE, world.blue, world.deployment_spec())
    return world


def live_of(provider: Provider, address) -> Live:
    found = provider.observe(address)
    assert found is not None
    return found


def told(live: Live, spec) -> dict:
    """Of the wanted spec, what the platform says."""
    return {name: value for name, value in live.spec.items() if name in spec}


def test_every_action_is_a_method_of_every_provider(provider):
    assert all(callable(getattr(provider, action)) for action in Action)


def test_nothing_is_there_at_first(provider, world):
    assert list(provider.list()) == []
    assert provider.observe(world.endpoint) is None


def test_what_was_created_is_live_as_it_was_wanted(served, provider):
    spec = served.deployment_spec()
    live = live_of(provider, served.blue)
    assert told(live, spec) == {name: value for name, value in spec.items() if name in live.spec}
    assert live.status == "Succeeded"


def test_every_object_carries_lineage_generation_and_operation(served, provider):
    found = {str(item.address): item for item in provider.list()}
    assert sorted(found) == [str(served.blue), str(served.endpoint)]
    item = found[str(served.blue)]
    assert (item.lineage, item.generation, item.operation) == ("ours", 2, "op-2")


def test_list_and_observe_tell_the_same(served, provider):
    for item in provider.list():
        assert live_of(provider, item.address).spec == item.spec


def test_some_objects_are_told_as_in_the_list(served, provider):
    assert isinstance(provider, Selective)
    listed = {item.address: item.spec for item in provider.list()}
    assert [(item.address, item.spec) for item in provider.some([served.blue])] == [(served.blue, listed[served.blue])]
    found = provider.some([served.blue, served.green, served.endpoint])
    assert {item.address: item.spec for item in found} == listed
    assert list(provider.some([])) == []


def test_scaling_changes_how_many_instances_there_are(served, provider, call):
    call(Action.SCALE, served.blue, served.deployment_spec(instance_count=2))
    assert live_of(provider, served.blue).spec["instance_count"] == 2
    call(Action.SCALE, served.blue, served.deployment_spec(instance_count=1))
    assert live_of(provider, served.blue).spec["instance_count"] == 1


def test_a_number_of_instances_stays_when_a_step_says_nothing_of_it(served, provider, call):
    spec = served.deployment_spec()
    call(Action.SCALE, served.blue, {**spec, "instance_count": 2}, spec)
    silent = {name: value for name, value in spec.items() if name != "instance_count"}
    call(Action.ROLL_OUT, served.blue, {**silent, "description": "new"}, silent)
    assert live_of(provider, served.blue).spec["instance_count"] == 2
    call(Action.SCALE, served.blue, {**silent, "description": "new"}, silent)
    assert live_of(provider, served.blue).spec["instance_count"] == 2


def test_a_roll_out_puts_the_new_spec_in_place_of_the_old(served, provider, call):
    spec = served.deployment_spec(description="new")
    call(Action.ROLL_OUT, served.blue, spec)
    assert live_of(provider, served.blue).spec["description"] == "new"


def test_traffic_is_as_routed_and_stays_when_a_step_says_nothing_of_it(served, provider, call):
    call(Action.ROUTE, served.endpoint, served.endpoint_spec(traffic={"blue": 100}))
    assert live_of(provider, served.endpoint).spec["traffic"] == {"blue": 100}
    call(Action.UPDATE, served.endpoint, served.endpoint_spec(description="new"))
    live = live_of(provider, served.endpoint)
    assert (live.spec["traffic"], live.spec["description"]) == ({"blue": 100}, "new")


def test_traffic_can_be_taken_away(served, provider, call):
    call(Action.ROUTE, served.endpoint, served.endpoint_spec(traffic={"blue": 100}))
    call(Action.ROUTE, served.endpoint, served.endpoint_spec(traffic={}))
    assert live_of(provider, served.endpoint).spec["traffic"] == {}


def test_what_was_deleted_is_gone_and_deleting_it_again_is_no_error(served, provider, call):
    call(Action.DELETE, served.blue, None)
    assert provider.observe(served.blue) is None
    call(Action.DELETE, served.blue, None)
    call(Action.DELETE, served.endpoint, None)
    assert list(provider.list()) == []


def test_doing_one_operation_twice_is_no_error(served, provider, call):
    call(Action.CREATE, served.green, served.deployment_spec(), generation=7)
    call(Action.CREATE, served.green, served.deployment_spec(), generation=7)
    assert live_of(provider, served.green).generation == 7


@pytest.mark.parametrize("action", [Action.SCALE, Action.ROLL_OUT, Action.UPDATE, Action.ROUTE, Action.DELETE])
def test_f10_any_step_whose_answer_was_lost_may_be_done_again(served, provider, call, action):
    address, after = {
        Action.SCALE: (served.blue, served.deployment_spec(instance_count=2)),
        Action.ROLL_OUT: (served.blue, served.deployment_spec(description="new")),
        Action.UPDATE: (served.endpoint, served.endpoint_spec(description="new")),
        Action.ROUTE: (served.endpoint, served.endpoint_spec(traffic={"blue": 100})),
        Action.DELETE: (served.blue, None),
    }[action]
    seen = []
    for _ in range(2):
        call(action, address, after, generation=9)
        seen.append(provider.observe(address))
    first, second = seen
    assert (first is None) == (after is None)
    if first is not None:
        assert (second.spec, second.operation, second.status) == (first.spec, "op-9", "Succeeded")
        assert told(second, after) == {name: value for name, value in after.items() if name in second.spec}
        assert _instances(second) == _instances(first)


def _instances(live: Live) -> list[str]:
    """The names of a deployment's instances, where it has some."""
    return sorted(str(each.get("name", each)) for each in live.detail.get("instances", ()))


def test_an_operation_older_than_the_fence_is_refused_and_changes_nothing(served, provider, call):
    provider.fence(served.blue, 9)
    with pytest.raises(ProviderError, match="generation"):
        call(Action.SCALE, served.blue, served.deployment_spec(instance_count=2), generation=8)
    assert live_of(provider, served.blue).spec["instance_count"] == 1
    call(Action.SCALE, served.blue, served.deployment_spec(instance_count=2), generation=9)
    assert live_of(provider, served.blue).spec["instance_count"] == 2


def test_a_fence_holds_for_what_is_not_there_yet_and_for_what_is_gone(served, provider, call):
    provider.fence(served.green, 9)
    with pytest.raises(ProviderError, match="generation"):
        call(Action.CREATE, served.green, served.deployment_spec(), generation=8)
    assert provider.observe(served.green) is None


LATE = {
    Action.CREATE: lambda world: (world.green, None, world.deployment_spec()),
    Action.SCALE: lambda world: (world.blue, world.deployment_spec(), world.deployment_spec(instance_count=2)),
    Action.DELETE: lambda world: (world.blue, world.deployment_spec(), None),
}


@pytest.mark.parametrize("action", LATE)
def test_f08_a_call_that_lands_after_the_recovery_of_its_run_is_refused(served, provider, action):
    """The run was killed while its call was on its way; the next one has recovered it since."""
    address, before, after = LATE[action](served)
    store = MemoryStore("test", Memory(lineage=lambda: "ours"))
    with store.lock({}, timeout_s=0):
        for item in provider.list():
            store.note(item.address, Entry(item.spec, item.generation, item.operation))
        late = Operation("op-late", "ours", store.generation(address) + 1)
        store.intend(Intent(late.id, "run", 1, str(action), address, before, after, late.generation, "then"))
        recover(provider, store, now=lambda: "2026-01-01T00:00:00+00:00")
        seen = provider.observe(address)
        with pytest.raises(ProviderError, match="generation"):
            getattr(provider, action)(Step(1, action, address, "late", (), before, after), late)
        now = provider.observe(address)
        assert (now and (now.spec, now.operation)) == (seen and (seen.spec, seen.operation))
        assert store.operations("run")[0].outcome == "recovered as not done"
        following = Operation("op-next", "ours", store.generation(address) + 1)
    getattr(provider, action)(Step(1, action, address, "again", (), before, after), following)
    done = provider.observe(address)
    assert (done and done.operation) == (after and "op-next")


def test_an_object_of_another_state_is_not_overwritten(served, provider):
    stranger = Caller(provider, "theirs")
    with pytest.raises(ProviderError):
        stranger(Action.CREATE, served.blue, served.deployment_spec(), generation=50)
    assert live_of(provider, served.blue).lineage == "ours"


def test_an_object_of_another_state_is_neither_changed_nor_deleted(served, provider):
    stranger = Caller(provider, "theirs")
    for action, after in ((Action.SCALE, served.deployment_spec(instance_count=2)), (Action.DELETE, None)):
        with pytest.raises(ProviderError):
            stranger(action, served.blue, after, generation=50)
    live = live_of(provider, served.blue)
    assert (live.lineage, live.spec["instance_count"]) == ("ours", 1)


def test_objects_are_handed_to_another_state_and_go_on_as_they_are(served, provider, call):
    assert isinstance(provider, Adopting)
    before = {item.address: item for item in provider.list()}
    for address in (served.endpoint, served.blue):
        for _ in range(2):
            provider.adopt(address, Operation("op-import", "theirs", 60))
    after = {item.address: item for item in provider.list()}
    assert {(i.lineage, i.generation, i.operation) for i in after.values()} == {("theirs", 60, "op-import")}
    assert {a: (i.spec, i.status) for a, i in after.items()} == {a: (i.spec, i.status) for a, i in before.items()}
    with pytest.raises(ProviderError):
        call(Action.SCALE, served.blue, served.deployment_spec(instance_count=2), generation=99)
    theirs = Caller(provider, "theirs")
    theirs(Action.SCALE, served.blue, served.deployment_spec(instance_count=2), generation=61)
    assert live_of(provider, served.blue).spec["instance_count"] == 2
    theirs(Action.DELETE, served.blue, None, generation=62)
    theirs(Action.DELETE, served.endpoint, None, generation=63)
    assert list(provider.list()) == []


def test_what_is_not_there_is_handed_to_nobody(provider, world):
    with pytest.raises(ProviderError, match="is not there"):
        provider.adopt(world.blue, Operation("op-import", "theirs", 60))


def test_changing_what_is_not_there_fails(provider, world, call):
    with pytest.raises(ProviderError):
        call(Action.SCALE, world.blue, world.deployment_spec())


def test_another_opening_of_the_target_sees_what_is_there(served, world):
    again = world.open_again()
    if again is None:
        pytest.skip(f"{world.name} lives as long as its process")
    try:
        assert sorted(str(item.address) for item in again.list()) == [str(served.blue), str(served.endpoint)]
    finally:
        again.close()


def test_providers_are_found_by_name_and_an_unknown_one_names_the_nearest():
    assert provider_named("memory") is MemoryProvider
    with pytest.raises(ProviderError, match="did you mean local"):
        provider_named("locl")


def test_the_built_in_providers_are_those_that_the_package_declares():
    declared = {point.name: point.value for point in entry_points(group=GROUP)}
    assert {name: declared[name] for name in BUILT_IN} == BUILT_IN


def test_a_memory_file_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "objects.json").write_text("{}")
    setting = Setting("t", tmp_path, MemoryWorld(tmp_path), {"file": "objects.json"}, tmp_path)
    with pytest.raises(ProviderError, match=r"objects\.json"):
        MemoryProvider.open(setting).list()


@pytest.mark.parametrize(("end", "there"), [('{"address": "endpoint/cr', 0), ('"fence": 1}', 1)])
def test_a_line_of_a_memory_file_without_an_end_is_followed_by_a_line_of_its_own(tmp_path, end, there):
    """Half of one is what a killed process leaves, a whole one is what an editor does."""
    file, world = tmp_path / "objects.json", MemoryWorld(tmp_path)
    held = '{"address": "endpoint/other", "lineage": "l", "generation": 1, "operation": "o", "spec": {}, '
    file.write_text(held + end if there else end)
    Caller(MemoryProvider(file))(Action.CREATE, world.blue, world.deployment_spec())
    assert len(MemoryProvider(file).list()) == 1 + there


def test_an_edit_behind_our_back_is_seen():
    provider = MemoryProvider()
    world = MemoryWorld(Path())
    Caller(provider)(Action.CREATE, world.blue, world.deployment_spec())
    provider.edit(world.blue, instance_count=5)
    assert live_of(provider, world.blue) == replace(
        live_of(provider, world.blue), spec={**world.deployment_spec(), "instance_count": 5}
    )
