"""Containers that nothing speaks of are told and cleared away; those of others are told and never touched."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from docker_world import ENDPOINT, World, answering

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import DriftClass, Entry, Live, State
from reconciler.diff import changes, corrections, drifts, fold
from reconciler.errors import ProviderError
from reconciler.order import order
from reconciler.providers.docker.launch import OWN_ROUTES
from reconciler.providers.docker.orphans import STATUS, orphans, refuse_others
from reconciler.providers.docker.seeing import Container
from tests.builders import deployment, endpoint

BLUE = Address("deployment", "blue", endpoint="credit")
GREEN = Address("deployment", "green", endpoint="credit")


def container(identity: str = "c1", deployment: Address = BLUE, **changes: object) -> Container:
    made = Container(
        identity, deployment, f"i-{identity}", "ours", 3, "op-3", "v1", "running", 1.0, OWN_ROUTES, ours=True
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def planned(resources: list[Resource], live: tuple[Live, ...], recorded: State = State("ours")) -> list[str]:  # noqa: B008 - a value
    state = fold(recorded, live)
    return [f"{step.action} {step.address}" for step in order(changes(resources, state, recorded=recorded))]


def test_what_an_object_speaks_of_is_no_orphan() -> None:
    assert orphans([container()], {BLUE}) == ()


def test_orphans_are_told_once_a_deployment_with_who_made_them() -> None:
    found = [container("c1"), container("c2", generation=4, operation="op-4"), container("c3", GREEN)]
    blue, green = orphans(found, ())
    assert (blue.address, blue.lineage, blue.generation, blue.operation) == (BLUE, "ours", 4, "op-4")
    assert (blue.status, blue.detail["note"]) == (STATUS, "2 containers that no record speaks of")
    assert (green.address, green.detail["note"]) == (GREEN, "1 container that no record speaks of")


def test_drift_says_that_they_are_in_no_record() -> None:
    (drift,) = drifts(State("ours"), orphans([container()], ()))
    assert (drift.address, drift.note) == (BLUE, "made by this state, in no record")


def test_orphans_of_an_unwanted_deployment_are_deleted() -> None:
    assert planned([], orphans([container()], ())) == ["delete deployment/credit/blue"]


def test_orphans_of_a_wanted_deployment_give_way_to_its_creation() -> None:
    wanted = [endpoint(), deployment("blue")]
    assert planned(wanted, orphans([container()], ()))[:2] == [
        "create endpoint/credit",
        "create deployment/credit/blue",
    ]


def test_what_only_remains_are_left_of_is_missing_and_is_made_anew() -> None:
    live = orphans([container()], ())
    recorded = State("ours", 1, {BLUE: Entry(deployment("blue").spec, 3, "op-3", "T")})
    (drift,) = drifts(recorded, live)
    assert (drift.kind, drift.note) == (DriftClass.MISSING, "1 container that no record speaks of")
    state = fold(recorded, live)
    steps = order(changes([endpoint(), deployment("blue")], state, recorded=recorded))
    assert [str(step.action) for step in steps if step.address == BLUE] == ["create"]
    assert [str(step.action) for step in order(changes([], state, recorded=recorded))] == ["delete"]


def test_remains_are_never_recorded() -> None:
    live = orphans([container(), container("c2", GREEN)], ())
    recorded = State("ours", 1, {BLUE: Entry(deployment("blue").spec, 3, "op-3", "T")})
    assert corrections(recorded, fold(recorded, live), claimed={}, touched=()) == {BLUE: None}


def test_orphans_of_another_state_are_left_alone() -> None:
    live = orphans([container(lineage="theirs")], ())
    assert planned([], live) == []
    (drift,) = drifts(State("ours"), live)
    assert drift.note == "not made by this state"


def test_clearing_away_what_another_state_made_is_refused_in_one_line() -> None:
    with pytest.raises(
        ProviderError, match=r"container c2 has its name and was made by another state \(lineage theirs\)"
    ) as told:
        refuse_others(BLUE, [container(), container("c2", lineage="theirs")], Operation("op", "ours", 1))
    assert "\n" not in str(told.value)
    refuse_others(BLUE, [container()], Operation("op", "ours", 1))


def test_containers_of_another_state_are_refused_by_the_provider_too_and_go_on(world: World) -> None:
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(answering("blue")))
    (theirs,) = world.containers()
    lose_what_is_known_of(BLUE, world)
    step = Step(1, Action.CREATE, BLUE, "new", (), None, world.deployment(answering("green")))
    with pytest.raises(ProviderError, match=r"another state \(lineage lineage\), so nothing was touched"):
        world.provider.create(step, Operation("op", "another", 1))
    with pytest.raises(ProviderError, match="so nothing was touched"):
        world.provider.delete(replace(step, action=Action.DELETE, after=None), Operation("op", "another", 1))
    world.provider.fence(BLUE, 2)
    assert world.containers() == [theirs]
    assert world.api.inspect_container(theirs)["State"]["Running"]


def test_remains_of_ours_are_told_and_deleted(world: World) -> None:
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(answering("blue")))
    lose_what_is_known_of(BLUE, world)
    live = world.live(str(BLUE))
    assert (live.spec, live.lineage, live.status) == ({}, "lineage", STATUS)
    world.do("delete", str(BLUE))
    assert world.containers() == []


def test_a_container_with_some_of_our_labels_is_none_of_ours(world: World) -> None:
    labels = {"mlops.project": world.project, "mlops.kind": "instance", "mlops.address": str(BLUE)}
    stranger = world.api.create_container(world.image, ["true"], labels=labels)["Id"]
    assert list(world.provider.list()) == []
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(answering("blue")))
    assert world.score("blue") == "blue"
    world.do("delete", str(BLUE))
    assert world.containers() == [stranger]


def test_a_container_that_its_deployment_does_not_name_is_drift_and_is_mended_by_scaling(world: World) -> None:
    """As an apply leaves it that was killed while it started instances."""
    wanted = world.deployment(answering("blue"))
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), wanted)
    serving = world.containers()
    recorded = State("lineage", 1, {BLUE: Entry(wanted, 1, "op2", "T")})
    world.provider._instances.prepare(BLUE, wanted, {}, world.operation(str(BLUE)))(1)
    assert len(world.containers()) == 2
    live = world.live(str(BLUE))
    assert live.spec == {**wanted, "stray_instances": 1}
    (drift,) = drifts(recorded, [live])
    assert [(each.path, each.after) for each in drift.fields] == [("stray_instances", 1)]
    resources = [replace(deployment("blue"), spec=wanted)]
    assert planned(resources, (live,), recorded) == ["scale deployment/credit/blue"]
    world.do("scale", str(BLUE), wanted)
    assert world.containers() == serving
    assert world.live(str(BLUE)).spec == wanted


def lose_what_is_known_of(address: Address, world: World) -> None:
    """As if neither this folder nor the engine's records had ever heard of it."""
    for part in ("objects", "secrets", "fences"):
        (world.layout.folder / part / f"{quote(str(address), safe='')}.json").unlink(missing_ok=True)
    for volume in world.api.volumes(filters={"label": f"mlops.address={address}"})["Volumes"]:
        if volume["Labels"]["mlops.project"] == world.project:
            world.api.remove_volume(volume["Name"])
