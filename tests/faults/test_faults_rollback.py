"""A rollback is killed at many points, by a real SIGKILL; one more, told nothing, ends where the first was to."""

import pytest

from tests.faults.process import Place
from tests.faults.small_world import AGAIN, BACK, REVERT, Disk

pytestmark = pytest.mark.timeout(900)
MOMENTS = ("begin_run", "intend", "call", "finish", "end_run", "note")
OVER = ("after end_run", "before unlock", "after unlock")


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Disk]:
    """Two applies, one after the other."""
    place = Place(tmp_path_factory.mktemp("rollback"), 7)
    _, before = place.run(REVERT, 0)
    ended, after = place.run(AGAIN, 1, disk=before)
    assert ended.wrong == ()
    return place, after


def test_f07_a_rollback_that_is_killed_anywhere_ends_right_after_one_more(applied: tuple[Place, Disk]):
    place, disk = applied
    peaceful, _ = place.run(BACK, 2, disk=disk)
    assert peaceful.wrong == ()
    points = [
        number
        for number, name in enumerate(peaceful.points, 1)
        if name.split()[1] in MOMENTS and not name.startswith(OVER)
    ]
    assert {peaceful.points[number - 1].split()[1] for number in points} >= {"begin_run", "intend", "call", "finish"}
    for number in points[::2]:
        killed, left = place.run(BACK, 2, disk=disk, kill_at=number)
        ended, _ = place.run(BACK, 9, disk=left)
        assert killed.wrong + ended.wrong == (), f"killed at {number}, {peaceful.points[number - 1]}"


def test_an_apply_that_was_killed_behind_an_effect_is_rolled_back_to_before_it(applied: tuple[Place, Disk]):
    place, _ = applied
    _, before = place.run(REVERT, 0)
    peaceful, _ = place.run(AGAIN, 1, disk=before)
    for number, name in enumerate(peaceful.points, 1):
        if name.startswith(("after call", "after finish")) and number % 3 == 0:
            _, left = place.run(AGAIN, 1, disk=before, kill_at=number)
            ended, _ = place.run(BACK, 9, disk=left)
            assert ended.wrong == (), f"killed at {number}, {name}"
