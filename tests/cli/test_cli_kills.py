"""Applies to real processes and containers are killed in and behind each sort of call, and one more mends each."""

from collections.abc import Callable

import pytest
from command_line import Repository
from on_engine import NOTHING, OnEngine

from tests.ending import processes_of
from tests.faults.serving import Serving

ACTIONS = [Serving.create, Serving.roll_out, Serving.route, Serving.delete]
MOMENTS = [
    pytest.param("written", 2, id="f03 in the middle of the call"),
    pytest.param("after", 1, id="f03 when the call has had its effect"),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("moment", "nth"), MOMENTS)
def test_kill_9_on_a_local_target_is_mended_and_leaves_nothing_running(local: Repository, moment: str, nth: int):
    _killed_again_and_again(Serving(local, moment, nth))
    assert processes_of(local.folder) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("moment", "nth"), MOMENTS)
def test_kill_9_on_a_docker_target_is_mended_and_leaves_nothing_running(docker: OnEngine, moment: str, nth: int):
    _killed_again_and_again(Serving(docker, moment, nth, DOCKER_HOST=docker.host))
    assert docker.things() == NOTHING


def _killed_again_and_again(serving: Serving, actions: list[Callable[[Serving], None]] = ACTIONS) -> None:
    for action in actions:
        action(serving)
    serving.repo.mlops("destroy", "--auto-approve")
