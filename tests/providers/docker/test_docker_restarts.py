"""Restarts are counted, over wardens and engines that come and go, until an apply has seen them."""

import json
from pathlib import Path

import pytest
from docker_world import BLUE, ENDPOINT, World, answering

from reconciler.keeper.values import Exit
from reconciler.providers.docker.restarts import (
    NEVER,
    Counted,
    Counts,
    Restarts,
    acknowledge,
    exit_of,
    first_look,
    load_counts,
    read_restarts,
    save_counts,
)
from reconciler.providers.hosting.layout import Layout
from tests.waiting import until

NINE, TEN, ELEVEN = (f"2026-01-02T{hour}:00:00.123456789Z" for hour in ("09", "10", "11"))
AT_TEN = 1_767_348_000.5


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "warden").mkdir()
    return Layout(tmp_path)


def count(layout: Layout, **restarts: int) -> None:
    save_counts(
        layout, Counts({name: Counted(number, NINE, number, Exit(code=1)) for name, number in restarts.items()})
    )


def test_a_first_look_takes_what_the_engine_has_counted():
    assert first_look(started_at=NINE, engine_count=0) == Counted(0, NINE, 0)
    assert first_look(started_at=NINE, engine_count=4) == Counted(4, NINE, 4, Exit())
    assert first_look(started_at=NEVER, engine_count=0) is None


def test_a_look_at_the_same_run_counts_nothing():
    counted = Counted(1, NINE, 1, Exit(code=2))
    # In the time between its end and its next start the engine has counted that already.
    assert counted.looked(started_at=NINE, engine_count=2) == counted


def test_a_run_that_ended_and_another_are_one_restart():
    counted = Counted(0, NINE, 0).died(exit_of(7), AT_TEN).looked(started_at=TEN, engine_count=1)
    assert counted == Counted(1, TEN, 1, Exit(code=7))


def test_runs_that_nobody_saw_are_counted_by_the_engine_and_their_ends_are_unknown():
    counted = Counted(1, NINE, 1).died(exit_of(7), AT_TEN).looked(started_at=ELEVEN, engine_count=4)
    assert counted == Counted(4, ELEVEN, 4, Exit())


def test_a_start_by_hand_counts_although_the_engine_begins_anew():
    counted = Counted(5, NINE, 5, Exit(code=1)).looked(started_at=TEN, engine_count=0)
    assert counted == Counted(6, TEN, 0, Exit())


def test_the_end_of_an_earlier_run_that_is_heard_of_late_does_not_end_the_present_one():
    counted = Counted(1, ELEVEN, 1, Exit()).died(exit_of(9), AT_TEN)
    assert counted == Counted(1, ELEVEN, 1, Exit(code=9), ended=False)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (137, "killed by signal 9 (Killed)"),
        (143, "killed by signal 15 (Terminated)"),
        (255, "exit code 255"),
    ],
)
def test_an_engines_exit_code_tells_of_a_signal(code: int, text: str):
    assert str(exit_of(code)) == text


def test_what_was_acknowledged_counts_no_more_and_what_comes_then_does(layout: Layout):
    count(layout, a=2, b=1, c=0)
    acknowledge(layout, ["a", "c", "nobody"])
    assert {name: each.restarts for name, each in read_restarts(layout).items()} == {"a": 0, "b": 1, "c": 0}
    count(layout, a=3, b=1, c=1)
    assert {name: each.restarts for name, each in read_restarts(layout).items()} == {"a": 1, "b": 1, "c": 1}
    assert read_restarts(layout)["a"] == Restarts(1, Exit(code=1))


def test_what_was_acknowledged_goes_with_its_instance(layout: Layout):
    count(layout, a=2, b=1)
    acknowledge(layout, ["a", "b"])
    count(layout, b=1)
    assert [path.name for path in (layout.warden / "acknowledged").iterdir()] == ["b"]


def test_counts_are_private(layout: Layout):
    count(layout, a=1)
    assert (layout.warden / "restarts.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"instances": {"a": {"restarts": 1}}, "until": 0})])
def test_a_torn_file_is_as_none(layout: Layout, text: str):
    (layout.warden / "restarts.json").write_text(text)
    assert load_counts(layout) == Counts()
    assert read_restarts(layout) == {}


def test_a_target_without_a_warden_has_no_restarts(tmp_path: Path):
    assert read_restarts(Layout(tmp_path)) == {}
    acknowledge(Layout(tmp_path), ["a"])
    assert list(tmp_path.iterdir()) == []


def test_an_instance_that_died_is_drift_until_an_apply_has_seen_it(world: World):
    def lost() -> int:
        found: int = world.live(str(BLUE)).spec.get("lost_instances", 0)
        return found

    world.do("create", "endpoint/credit", ENDPOINT)
    spec = world.deployment(answering("blue"))
    world.do("create", str(BLUE), spec)
    (instance,) = world.live(str(BLUE)).detail["instances"]
    (container,) = world.containers()
    until(lambda: instance["name"] in read_restarts(world.layout))
    assert lost() == 0
    world.kill_process(container)
    until(lost)
    live = world.live(str(BLUE))
    assert live.spec["lost_instances"] == 1
    until(lambda: world.live(str(BLUE)).detail["instances"][0]["state"] == "running")
    note = world.live(str(BLUE)).detail["note"]
    assert note == f"restarted: {instance['name']} killed by signal 9 (Killed)"
    world.do("scale", str(BLUE), spec)
    assert lost() == 0
    assert [each["name"] for each in world.live(str(BLUE)).detail["instances"]] == [instance["name"]]
