"""What others do to a target, and what people do besides an apply."""

from collections.abc import Callable
from dataclasses import replace

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import RefusedError
from reconciler.kinds.autoscaling import COUNT
from reconciler.operate.rebuild import rebuild
from reconciler.pipeline import Applied, Wish
from tests.builders import deployment
from tests.faults.model.course import Course
from tests.faults.model.desired import BAD_CODE
from tests.faults.model.edits import split
from tests.faults.model.invariants import Promise
from tests.faults.model.records import break_the_lock
from tests.faults.model.world import World

THEIRS = "theirs"


def second_applier(world: World) -> object:
    """Somebody else applies at the same time."""
    return world.apply(Course())


def thief(world: World) -> object:
    """Somebody takes the run for hung, breaks its lock and applies."""
    break_the_lock(world.records)
    world.writers.holder = 0
    return world.apply(Course(max_delete=100))


def late_request(world: World) -> object:
    """The oldest request that is on its way arrives."""
    if not world.cloud.in_flight:
        return None
    request = world.cloud.in_flight.pop(0)
    refused = world.cloud.land(request)
    world.meddled |= not refused
    return refused


def clock_by(hours: float) -> Callable[[World], None]:
    """The clock jumps."""

    def jump(world: World) -> None:
        world.clock.jump(hours)

    return jump


CLOCKS = (clock_by(1), clock_by(-24 * 365))


def _ours(world: World, kind: str = "") -> list[Live]:
    lineage = world.lineage()
    found = (each for each in world.cloud.world().values() if each.lineage == lineage and each.spec)
    return sorted((each for each in found if kind in ("", each.address.kind)), key=lambda each: each.address)


def scaled(world: World, number: int) -> None:
    """Somebody changes a number of instances."""
    if found := _ours(world, "deployment"):
        live = found[number % len(found)]
        world.cloud.put(replace(live, spec={**live.spec, COUNT: 1 + (live.spec[COUNT] + number) % 4}))
        world.meddled = True


def routed(world: World, number: int) -> None:
    """Somebody changes traffic."""
    if found := _ours(world, "endpoint"):
        live = found[number % len(found)]
        names = [each.address.name for each in _ours(world, "deployment") if each.address.parent == live.address]
        world.cloud.put(replace(live, spec={**live.spec, "traffic": dict(split(names, number % 6) or {})}))
        world.meddled = True


def noted(world: World, number: int) -> None:
    """Somebody changes what is said of an object."""
    if found := _ours(world):
        live = found[number % len(found)]
        world.cloud.put(replace(live, spec={**live.spec, "description": f"by hand {number}"}))
        world.meddled = True


def deleted(world: World, number: int) -> None:
    """Somebody deletes an object."""
    if found := _ours(world):
        world.cloud.take(found[number % len(found)].address)
        world.meddled = True


def foreign(world: World, number: int) -> None:
    """Somebody makes a deployment of their own under a name that may be ours."""
    address = Address("deployment", ("blue", "green", "red")[number % 3], endpoint="credit")
    if address not in world.cloud.world():
        world.cloud.put(Live(address, deployment(address.name).spec, ("", THEIRS)[number % 2], 1, "their operation"))
        world.meddled = True


def relabelled(world: World, number: int) -> None:
    """Somebody makes an object of ours their own."""
    if found := _ours(world):
        world.cloud.put(replace(found[number % len(found)], lineage=THEIRS))
        world.meddled = True


def removed(world: World, _number: int = 0) -> None:
    """Those who made objects of their own remove them."""
    lineage = world.lineage()
    for address, live in world.cloud.world().items():
        if live.lineage != lineage:
            world.cloud.take(address)
            world.meddled = True


def late(world: World, _number: int) -> None:
    """A request that is on its way arrives."""
    late_request(world)


DRIFTS = (scaled, routed, noted, deleted, foreign, relabelled, removed)
LATE = (late, late)


def destroy(world: World, course: Course) -> object:
    """Everything that is recorded goes."""
    return world.run(course, lambda workspace, manner: pipeline.destroy(workspace, Wish(), manner), whole=False)


def refresh(world: World, course: Course) -> object:
    """The record is brought to what is live."""

    return world.run(course, lambda workspace, _manner: pipeline.refresh(workspace), whole=False)


def back_up(world: World, _course: Course) -> None:
    """The record is copied."""
    world.backup = world.records.backup()


def restore(world: World, _course: Course) -> None:
    """A backup of the record comes back; of what was begun since it knows nothing."""
    if world.backup:
        world.backup()
        world.cloud.in_flight.clear()
        world.meddled = world.older = True


def lose_and_rebuild(world: World, course: Course) -> None:
    """The record is lost and made anew, maybe in two tries; of requests on their way nobody knows any more."""
    removed(world)
    world.records.lose()
    world.cloud.in_flight.clear()
    world.meddled, world.older, world.backup = True, False, None
    for each in (course, Course()):
        ended = world.run(each, lambda workspace, _manner: rebuild(workspace), whole=False)
        if isinstance(ended, RefusedError) and world.cloud.world():
            world.tell(Promise.SETTLED, [f"a record cannot be made anew: {ended}"])


HOUSEKEEPING = (destroy, refresh, back_up, back_up, restore, lose_and_rebuild)


def converge(world: World) -> None:
    """What is wrong with the files is mended, what is on its way arrives; then one apply does it all."""
    for key, said in world.desired.deployments.items():
        if said.code == BAD_CODE:
            world.desired = world.desired.with_deployment(key, code="first")
    for name, endpoint in world.desired.endpoints.items():
        if endpoint.traffic is None or not world.desired.valid:
            world.desired = world.desired.with_endpoint(name, traffic=split(world.desired.of(name), 0))
    while world.cloud.in_flight:
        late_request(world)
    removed(world)
    if world.older:
        refresh(world, Course())
    ended = world.apply(Course(max_delete=100))
    if isinstance(ended, RefusedError) and str(ended).startswith("E-DELETE-TRAFFIC"):
        # What has traffic is not replaced: the files move it away first.
        for name in world.desired.endpoints:
            world.desired = world.desired.with_endpoint(name, traffic={})
        ended = world.apply(Course(max_delete=100))
    if not isinstance(ended, Applied) or not ended.succeeded:
        world.tell(Promise.SETTLED, [f"the last apply came to nothing: {ended}"])
    world.tell(Promise.SETTLED, world.settled())
