"""With and without the cache answers are the same, byte by byte, whatever happened; and lies of a cache are found.

`MLOPS_TWIN_EXAMPLES` is how many courses of events are tried, `MLOPS_SEED` another beginning of the dice.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.differential.twin_moves import Move, moves
from tests.differential.twin_plants import PLANTS, Plant
from tests.differential.twin_repository import DifferError, opened, write_first

EXAMPLES = int(os.environ.get("MLOPS_TWIN_EXAMPLES", "10"))
SEED = int(os.environ.get("MLOPS_SEED", "1"))


def happens(first: Path, events: Iterable[Move], *, ask_git: bool) -> None:
    """Have events happen, with both questions after each."""
    with tempfile.TemporaryDirectory() as folder, opened(first, Path(folder), ask_git=ask_git) as twin:
        for event in events:
            event(twin)


def bounded(examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize(
    ("in_git", "ask_git"), [(True, True), (True, False), (False, False)], ids=["by git", "by the disk", "without git"]
)
def test_cached_and_uncached_answers_are_the_same_bytes_whatever_happens(
    tmp_path: Path, in_git: bool, ask_git: bool
) -> None:
    write_first(tmp_path / "first", in_git=in_git)

    @seed(SEED)
    @bounded(EXAMPLES, Phase.explicit, Phase.generate, Phase.shrink)
    @given(moves())
    def holds(events: Sequence[Move]) -> None:
        happens(tmp_path / "first", events, ask_git=ask_git)

    holds()


def test_what_has_not_changed_is_known_at_a_glance(tmp_path: Path) -> None:
    write_first(tmp_path / "first", in_git=True)
    with tempfile.TemporaryDirectory() as folder, opened(tmp_path / "first", Path(folder), ask_git=False) as twin:
        twin.moment()
        twin.compare()
        assert twin.glances


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_lie_is_found(plant: Plant, tmp_path: Path) -> None:
    write_first(tmp_path / "first", in_git=plant.ask_git)

    def holds(events: Sequence[Move]) -> None:
        happens(tmp_path / "first", events, ask_git=plant.ask_git)

    tried = seed(SEED)(bounded(200, Phase.generate)(given(moves(plant.tried, most=6))(holds)))
    with plant.planted(), pytest.raises(DifferError):
        holds(plant.course) if plant.course else tried()


@pytest.mark.parametrize("plant", [each for each in PLANTS if each.course], ids=lambda plant: plant.name)
def test_a_course_by_which_a_lie_is_found_finds_none_where_none_is_told(plant: Plant, tmp_path: Path) -> None:
    write_first(tmp_path / "first", in_git=plant.ask_git)
    happens(tmp_path / "first", plant.course, ask_git=plant.ask_git)
