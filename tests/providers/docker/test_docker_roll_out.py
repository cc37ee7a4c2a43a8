"""A roll-out of containers goes in waves, loses no request, and goes back when a wave fails."""

from collections import Counter

import pytest
from docker_world import BLUE, ENDPOINT, Load, World, answering

from reconciler.errors import ProviderError
from reconciler.providers.docker import running
from reconciler.providers.docker.containers import configuration
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.objects import Objects, version_of

PATIENT = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 30_000}
# Ends in init() where it is told to.
FAILING = """
import os
def init():
    if "FAIL" in os.environ:
        raise ValueError("no more of these")
def run(raw_data): return "new"
"""


@pytest.fixture
def five(world: World) -> World:
    """Five instances that answer `old`, to which all traffic goes."""
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), old(world))
    world.route(blue=100)
    return world


def old(world: World):
    return world.deployment(answering("old"), instance_count=5, request_settings=PATIENT)


def new(world: World, script: str = answering("new")):
    return world.deployment(script, instance_count=5, request_settings=PATIENT)


def in_service(world: World, first: str) -> tuple[int, int]:
    """How many instances the gateway sends requests to: of the first version, and of any other."""
    serving = Objects(world.layout.folder).held(BLUE).serving
    digests = [digest for name, digest in versions(world).items() if name in serving]
    assert len(digests) == len(serving), "an instance in service has no container"
    return digests.count(first), len(digests) - digests.count(first)


def versions(world: World) -> dict[str, str]:
    """Which version of the deployment each container runs that is up, by instance, as the engine has it."""
    label = [f"mlops.project={world.project}", f"mlops.address={BLUE}"]
    found = [each["Labels"] for each in world.api.containers(filters={"label": label})]
    return {each["mlops.instance"]: each["mlops.digest"] for each in found}


def failing_from(number: int):
    """How containers are made, from one of them on such that they fail."""
    made = []

    def failing(names, launch, instance):
        made.append(instance.name)
        body = configuration(names, launch, instance)
        return {**body, "Env": [*body["Env"], "FAIL=1"]} if len(made) >= number else body

    return failing


def test_under_load_it_goes_wave_by_wave_and_loses_no_request(five, monkeypatch):
    counts, synced, first = [], Front.sync, version_of(old(five))

    def counting(front):
        synced(front)
        counts.append(in_service(five, first))

    monkeypatch.setattr(Front, "sync", counting)
    before = set(five.containers())
    five.reports.clear()
    with Load(five) as load:
        five.do("roll_out", str(BLUE), new(five))
        load.go_on(50)
    assert load.lost == []
    assert load.said() == {b'"old"', b'"new"'}
    # A new one beside five old ones, then an old one leaves, and so on: never fewer than are wanted.
    assert counts == [(5 - wave + leaving, wave) for wave in range(1, 6) for leaving in (1, 0)] + [(0, 5)]
    assert set(versions(five).values()) == {version_of(new(five))}
    for wave in range(1, 6):
        expected = ["0 of 1 instances ready", "1 of 1 instances ready", "draining 1 instance"]
        said = [line for line in five.reports if line.startswith(f"wave {wave} of 5: ")]
        assert said == [f"wave {wave} of 5: {line}" for line in expected]
    assert not before & set(five.containers())
    assert five.live(str(BLUE)).spec == new(five)


def test_f16_a_wave_that_fails_stops_it_and_the_former_version_goes_on_without_a_lost_request(five, monkeypatch):
    before, counts, synced, first = five.live(str(BLUE)), [], Front.sync, version_of(old(five))

    def counting(front):
        synced(front)
        counts.append(in_service(five, first))

    with Load(five) as load:
        with monkeypatch.context() as patched:
            patched.setattr(Front, "sync", counting)
            # Going back makes containers too, of the former version, which knows nothing of failing.
            patched.setattr(running, "configuration", failing_from(3))
            with pytest.raises(
                ProviderError, match=r"init\(\) failed .*; wave 3 of 5 failed; the former version"
            ) as said:
                five.do("roll_out", str(BLUE), new(five, FAILING))
        load.go_on(50)
    assert "ValueError: no more of these" in said.value.log_tail[-1]
    assert load.lost == []
    assert counts[:4] == [(5, 1), (4, 1), (4, 2), (3, 2)]
    # Four fifths of the wanted number at least, on the way back too.
    assert min(map(sum, counts)) >= 4
    assert counts[-1] == (5, 0)
    assert sorted(versions(five).values()) == [first] * 5
    live = five.live(str(BLUE))
    assert (live.spec, live.status, live.operation) == (before.spec, before.status, before.operation)
    assert len(five.containers()) == 5
    assert {five.score() for _ in range(20)} == {"old"}


def test_an_init_that_fails_in_the_first_wave_leaves_all_instances_as_they_were(five):
    before = set(five.containers())
    broken = "def init(): raise ValueError('no weights')\ndef run(raw): pass\n"
    with pytest.raises(ProviderError, match=r"init\(\) failed \(exit code 3\); wave 1 of 5 failed"):
        five.do("roll_out", str(BLUE), new(five, broken))
    assert set(five.containers()) == before
    assert five.score() == "old"


def test_a_new_instance_that_is_killed_while_it_is_under_way_is_seen_and_replaced_by_the_next_scaling(five):
    operation = five.operation(str(BLUE))
    killed = []

    def kill(line):
        if line == "wave 2 of 5: draining 1 instance" and not killed:
            held = Objects(five.layout.folder).held(BLUE)
            killed.append(f"mlops-{five.project}-credit-blue-{held.serving[-1]}")
            five.api.kill(killed[0])

    watched = type(operation)(operation.id, operation.lineage, operation.generation, kill)
    five.again("roll_out", str(BLUE), new(five), watched)
    assert killed
    assert five.live(str(BLUE)).spec["instance_count"] == 4
    five.do("scale", str(BLUE), new(five))
    assert five.live(str(BLUE)).spec == new(five)
    assert len(five.containers()) == 5


def test_contents_that_only_former_versions_had_do_not_pile_up(world):
    def volumes() -> int:
        return len(world.api.volumes(filters={"label": [f"mlops.project={world.project}"]})["Volumes"])

    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(answering("0")))
    counts = []
    for version in "123":
        world.switch()  # Each apply is a process of its own.
        world.do("roll_out", str(BLUE), world.deployment(answering(version)))
        counts.append(volumes())
    assert counts == [counts[0]] * 3
    assert world.score("blue") == "3"


def test_what_was_cut_off_is_cleared_away_by_the_next_fence(five):
    """A container that was started, and of which nobody took notice."""
    held = Objects(five.layout.folder).held(BLUE)
    starter = five.provider._instances.prepare(BLUE, new(five), {}, five.operation(str(BLUE)))
    starter(1)
    assert len(five.containers()) == 6
    with Load(five) as load:
        five.opened().fence(BLUE, 3)
    assert load.lost == []
    assert len(five.containers()) == 5
    assert Objects(five.layout.folder).held(BLUE) == held


CRASHING = """
import os
def init(): pass
def run(raw_data):
    print("out of memory", flush=True)
    os._exit(7)
"""


def test_f15_a_container_that_crashes_under_its_first_traffic_fails_the_step_and_the_traffic_goes_back(world):
    world.switch(gateway={"watch_seconds": 60})
    world.do("create", "endpoint/credit", ENDPOINT)
    for name, script in (("blue", answering("blue")), ("green", CRASHING)):
        world.do("create", f"deployment/credit/{name}", world.deployment(script, request_settings=PATIENT))
    world.route(blue=100)
    before = world.live("endpoint/credit")
    with Load(world) as load, pytest.raises(ProviderError, match=r"green did not hold out .*exit code 7; the") as said:
        world.route(blue=50, green=50)
    assert load.lost
    assert any("out of memory" in line for line in said.value.log_tail)
    with Load(world) as after:
        after.go_on(50)
    assert (after.lost, after.said()) == ([], {b'"blue"'})
    live = world.live("endpoint/credit")
    assert (live.spec, live.generation, live.operation) == (before.spec, before.generation, before.operation)


def test_traffic_of_ninety_to_ten_is_that_over_a_thousand_requests(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    for name in ("blue", "green"):
        world.do("create", f"deployment/credit/{name}", world.deployment(answering(name), request_settings=PATIENT))
    world.route(blue=90, green=10)
    with Load(world, kept=4, fresh=0) as load:
        load.go_on(1000)
    assert load.lost == []
    said = Counter({body: count for (_, body), count in load.answers.items()})
    # Five standard deviations of a binomial of 1,000.
    assert abs(said[b'"green"'] / said.total() - 0.1) < 0.05
