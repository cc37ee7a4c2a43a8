"""A roll-out goes in waves, tells how it goes on, goes back when it fails, and survives that mlops is killed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from constant_load import Load
from local_world import ENDPOINT, World, answering

from reconciler.core.address import Address
from reconciler.core.secret import Secret
from reconciler.errors import ProviderError
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.objects import Object, Objects

BLUE = Address.parse("deployment/credit/blue")
# Ends in init() once as many instances have begun as the file has letters.
FAILING_LATER = """
import os, pathlib
def init():
    begun = pathlib.Path(os.environ["BEGUN"])
    with begun.open("a") as file:
        file.write("x")
    print("instance", len(begun.read_text()))
    if len(begun.read_text()) > int(os.environ["GOOD"]):
        raise ValueError("no more of these")
def run(raw_data): return "new"
"""
PATIENT = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 30_000}


@pytest.fixture
def five(world: World) -> World:
    """Five instances that answer `old`, to which all traffic goes."""
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), old(world))
    world.route(blue=100)
    return world


def old(world, **fields):
    return world.deployment(answering("old"), instance_count=5, request_settings=PATIENT, **fields)


def new(world, **fields):
    return world.deployment(answering("new"), instance_count=5, request_settings=PATIENT, **fields)


def failing(world, tmp_path, *, good):
    """A version of which so many instances start, and no more."""
    variables = {"BEGUN": str(tmp_path / "begun"), "GOOD": str(good)}
    return world.deployment(FAILING_LATER, instance_count=5, request_settings=PATIENT, environment_variables=variables)


def in_service(world):
    """The names of those that the gateway sends requests to."""
    return Objects(world.layout.folder).held(BLUE).serving


def test_each_wave_says_how_far_it_is(five):
    five.reports.clear()
    five.do("roll_out", str(BLUE), new(five))
    for wave in range(1, 6):
        expected = ["0 of 1 instances ready", "1 of 1 instances ready", "draining 1 instance"]
        said = [line for line in five.reports if line.startswith(f"wave {wave} of 5: ")]
        assert said == [f"wave {wave} of 5: {line}" for line in expected]


def test_on_kubernetes_instances_are_replaced_one_by_one(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    spec = world.deployment(answering("old"), type="kubernetes", instance_count=6)
    world.do("create", str(BLUE), spec)
    world.reports.clear()
    world.do("roll_out", str(BLUE), {**spec, "description": "new"})
    assert "wave 6 of 6: draining 1 instance" in world.reports


def test_there_are_never_fewer_in_service_than_before_and_one_wave_more_at_most(five, monkeypatch):
    counts, synced = [], Front.sync

    def counting(front):
        synced(front)
        counts.append(len(in_service(five)))

    monkeypatch.setattr(Front, "sync", counting)
    five.do("roll_out", str(BLUE), new(five))
    assert counts == [6, 5] * 5 + [5]


def test_while_it_is_under_way_the_deployment_is_updating_and_its_count_is_as_wanted(five):
    seen = []
    operation = five.operation(str(BLUE))

    def look(line):
        live = five.opened().observe(BLUE)
        seen.append((line, live.status, live.spec["instance_count"], live.spec.get("mixed_instances")))

    five.again("roll_out", str(BLUE), new(five), type(operation)("op", "lineage", operation.generation, look))
    assert ("wave 2 of 5: draining 1 instance", "Updating", 5, 2) in seen
    assert five.live(str(BLUE)).status == "Succeeded"
    assert five.live(str(BLUE)).spec == new(five)


def test_scaling_says_so(five):
    seen = []
    operation = five.operation(str(BLUE))
    report = lambda _: seen.append(five.opened().observe(BLUE).status)  # noqa: E731
    after = {**old(five), "instance_count": 6}
    five.again("scale", str(BLUE), after, type(operation)("op", "lineage", operation.generation, report))
    assert set(seen) == {"Scaling"}
    assert five.live(str(BLUE)).status == "Succeeded"


def test_a_wave_that_fails_takes_back_those_before_it_and_loses_no_request(five, tmp_path):
    before = five.live(str(BLUE))
    with Load(five) as load:
        with pytest.raises(ProviderError, match=r"init\(\) failed .*; wave 3 of 5 failed; the former version") as error:
            five.do("roll_out", str(BLUE), failing(five, tmp_path, good=2))
        assert "ValueError: no more of these" in error.value.log_tail[-1]
        assert five.live(str(BLUE)).spec == before.spec
    assert load.lost == []
    assert load.said() == {b'"old"', b'"new"'}
    after = five.live(str(BLUE))
    assert (after.status, after.operation, after.generation) == (before.status, before.operation, before.generation)
    assert len(after.detail["instances"]) == 5
    assert "going back: wave 2 of 2: draining 1 instance" in five.reports
    with Load(five) as load:
        load.go_on(50)
    assert set(load.answers) == {(200, b'"old"')}


def test_f16_while_a_roll_out_of_ten_stops_at_the_third_at_least_eight_of_the_old_version_serve(world, tmp_path):
    ten = {"instance_count": 10}
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), {**old(world), **ten})
    world.route(blue=100)
    before, of_old = set(in_service(world)), []
    with Load(world) as load:
        after, operation = {**failing(world, tmp_path, good=2), **ten}, world.operation(str(BLUE))

        def report(_line):
            of_old.append(len(before & set(in_service(world))))

        with pytest.raises(ProviderError, match=r"wave 2 of 5 failed; the former version serves as before"):
            world.again("roll_out", str(BLUE), after, replace(operation, report=report))
    assert min(of_old) == 8
    assert load.lost == []
    assert [world.score("blue") for _ in range(20)] == ["old"] * 20
    world.do("roll_out", str(BLUE), {**new(world), **ten})
    assert {world.score("blue") for _ in range(20)} == {"new"}
    assert world.live(str(BLUE)).spec == {**new(world), **ten}


def test_going_back_needs_no_manifest_of_the_former_version(world, tmp_path):
    """Its secrets are at hand, though the step knows nothing of them."""
    secret = {"TOKEN": Secret.of("hunter2", b"key")}
    script = "import os\ndef init(): pass\ndef run(raw_data): return os.environ['TOKEN']\n"
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(script, instance_count=2, environment_variables=secret))
    with pytest.raises(ProviderError, match="wave 2 of 2"):
        world.do("roll_out", str(BLUE), {**failing(world, tmp_path, good=1), "instance_count": 2})
    assert [world.score("blue") for _ in range(10)] == ["hunter2"] * 10


def test_a_deployment_that_cannot_go_back_says_where_it_stands_and_the_next_roll_out_mends_it(five, tmp_path):
    (five.contents.path(old(five)["code_configuration"]["code"]["digest"]) / "score.py").write_text("gone")
    with Load(five) as load:
        with pytest.raises(
            ProviderError, match=r"wave 3 of 5 failed; going back failed too: .* of the 5 instances in service 2 run"
        ):
            five.do("roll_out", str(BLUE), failing(five, tmp_path, good=2))
        live = five.live(str(BLUE))
        assert (live.status, live.spec["mixed_instances"]) == ("Failed", 2)
        five.do("roll_out", str(BLUE), new(five))
    assert load.lost == []
    assert five.live(str(BLUE)).spec == new(five)


def test_a_roll_out_that_a_younger_operation_overtakes_leaves_everything_to_it(five):
    operation = five.operation(str(BLUE))
    generation = operation.generation

    def overtake(line):
        if line == "wave 2 of 5: draining 1 instance":
            five.opened().fence(BLUE, generation + 1)

    with pytest.raises(ProviderError, match="is late"):
        five.again("roll_out", str(BLUE), new(five), type(operation)("op", "lineage", generation, overtake))
    assert len(in_service(five)) == 6
    assert five.live(str(BLUE)).status == "Updating"


@pytest.mark.parametrize(
    ("moment", "replaced"),
    [
        ("wave 1 of 5: 1 of 1 instances ready", 0),
        ("wave 2 of 5: 0 of 1 instances ready", 1),
        ("wave 3 of 5: draining 1 instance", 3),
        ("wave 5 of 5: draining 1 instance", 5),
        ("stop", 1),
    ],
)
def test_a_roll_out_that_was_cut_off_goes_on_where_it_stopped(five, moment, replaced):
    cut_off(five, new(five), moment)
    live = five.live(str(BLUE))
    assert (live.status, live.spec.get("mixed_instances", 0)) == ("Updating", replaced)
    former = set(in_service(five))
    with Load(five) as load:
        five.provider = five.opened()
        five.provider.fence(BLUE, 3)
        five._generations[str(BLUE)] = 3
        assert running(five) == former
        five.do("roll_out", str(BLUE), new(five))
    assert load.lost == []
    assert len(former & running(five)) == replaced
    assert five.live(str(BLUE)).status == "Succeeded"
    assert five.live(str(BLUE)).spec == new(five)


def test_a_roll_out_that_was_cut_off_can_be_taken_back(five):
    cut_off(five, new(five), "wave 3 of 5: 0 of 1 instances ready")
    five.provider.fence(BLUE, 3)
    five._generations[str(BLUE)] = 3
    assert five.live(str(BLUE)).status == "Updating"
    former = running(five)
    five.do("roll_out", str(BLUE), old(five))
    assert len(former & running(five)) == 3
    assert five.live(str(BLUE)).spec == old(five)
    assert {five.score() for _ in range(20)} == {"old"}


def test_a_creation_that_was_cut_off_has_failed_and_the_next_scaling_mends_it(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    spec = world.deployment(answering("old"))
    Objects(world.layout.folder).put(Object(BLUE, spec, "lineage", 1, "cut", status="Creating"))
    assert world.live(str(BLUE)).status == "Creating"
    world.provider.fence(BLUE, 2)
    world._generations[str(BLUE)] = 2
    assert world.live(str(BLUE)).status == "Failed"
    world.do("scale", str(BLUE), spec)
    assert (world.live(str(BLUE)).status, world.live(str(BLUE)).spec) == ("Succeeded", spec)


def running(world):
    return {each["name"] for each in world.live(str(BLUE)).detail["instances"]}


def cut_off(world, spec, moment):
    """Roll out in a process that is killed at a moment."""
    script = Path(__file__).with_name("cut_off.py")
    words = [str(world.layout.folder), str(world.contents.path("")), json.dumps(spec), moment]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, str(script), *words], check=False, env={**os.environ, "PYTHONPATH": path}, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
