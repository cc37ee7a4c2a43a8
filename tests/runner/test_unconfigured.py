"""This repository's own apply and drift, where no variable names a target: they say so, and touch nothing."""

from pathlib import Path

import pytest

from tests.runner.runs import Service
from tests.runner.world import tool


@pytest.mark.parametrize("name", ["apply", "drift"])
def test_without_a_target_it_says_that_there_is_none(service: Service, tmp_path: Path, name: str):
    own = tool(service, tmp_path)
    event = service.hub.pushed(own) if name == "apply" else service.hub.scheduled(own)
    run = service.play(own, event, only=name)[name]
    configured, *others = run.jobs.values()
    assert (configured.result, {job.result for job in others}) == ("success", {"skipped"})
    assert "the variable MLOPS_TARGET names one" in configured.summary
