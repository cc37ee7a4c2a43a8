"""The engine ends and starts again: in the middle of an apply, and behind a deployment that serves."""

import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import PATIENCE_S
from on_engine import WAITING, OnEngine, begun, let_go

from reconciler import pipeline
from reconciler.apply import Pace, Watcher
from reconciler.workspace import open_workspace
from tests.engine import dockerd, images
from tests.engine.fixtures import engine_of_its_own
from tests.waiting import until


@pytest.fixture(scope="module")
def restarting() -> Iterator[Path]:
    """The folder of an engine that runs, and that tests may end if they start it again."""
    with engine_of_its_own() as folder:
        images.serving_image(dockerd.start(folder, *dockerd.BESIDE_ANOTHER))
        yield folder


@pytest.fixture
def repo(restarting: Path, tmp_path: Path) -> Iterator[OnEngine]:
    host = dockerd.address(restarting)
    repository = OnEngine(tmp_path / "repo", host, f"t{secrets.token_hex(4)}", images.serving_image(host))
    yield repository
    repository.end()


@contextmanager
def ended(folder: Path, how: signal.Signals) -> Iterator[None]:
    """Do without the engine."""
    dockerd.halt(folder, how)
    try:
        yield
    finally:
        dockerd.start(folder, *dockerd.BESIDE_ANOTHER)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_f40_an_engine_that_ends_in_mid_apply_fails_the_step_and_the_next_apply_doubles_no_container(
    restarting, repo, how
):
    with begun(repo) as process, ended(restarting, how):
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 5, out + err
        (line,) = {line.split(": failed: ")[1] for line in out.splitlines() if ": failed: " in line}
        assert repo.host in line
        assert "Traceback" not in out + err
        assert repo.host in repo.mlops("plan", code=1).err
    with repo.started("apply", "--auto-approve") as again:
        until(lambda: let_go(repo) or again.poll() is not None, patience_s=PATIENCE_S)
        out, err = again.communicate()
    assert again.returncode == 0, out + err
    assert repo.mlops("invoke", "credit").out == '"blue"\n'
    assert [container.status for container in repo.containers()] == ["running"]
    assert repo.mlops("plan").out.startswith("No changes.")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_f40_a_step_goes_on_once_its_engine_is_back_and_doubles_no_container(restarting, repo, monkeypatch, how):
    repo.write("manifests/src/score.py", WAITING)
    monkeypatch.chdir(repo.folder)
    monkeypatch.setenv("DOCKER_HOST", repo.host)
    said = []

    def watch(_plan):
        return Watcher(on_report=lambda _step, line: said.append(line))

    def apply():
        # As often as it takes an engine of a busy machine to be back.
        pace = Pace(tries=100, longest_s=1.0)
        with open_workspace("dev") as workspace:
            return pipeline.apply(workspace, pipeline.Wish(), pipeline.Manner(watch=watch, pace=pace))

    with ThreadPoolExecutor(1) as thread:
        applying = thread.submit(apply)
        until(lambda: applying.done() or any(container.status == "running" for container in repo.containers()))
        with ended(restarting, how):
            until(lambda: applying.done() or any(", retrying in " in line for line in said))
        until(lambda: applying.done() or let_go(repo), patience_s=PATIENCE_S)
        applied = applying.result()
    assert applied.succeeded, [outcome.message for outcome in applied.outcomes]
    assert any(", retrying in " in line for line in said)
    assert [container.status for container in repo.containers()] == ["running"]
    assert repo.mlops("invoke", "credit").out == '"blue"\n'
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")


def test_f40_what_served_serves_again_by_itself_after_the_engine_was_killed_and_started_again(restarting, repo):
    repo.apply()
    (before,) = repo.containers()
    with ended(restarting, signal.SIGKILL):
        assert repo.host in repo.mlops("plan", code=1).err
    until(lambda: answers(repo), patience_s=PATIENCE_S)
    (after,) = repo.containers()
    assert (after.id, after.status) == (before.id, "running")
    repo.apply()
    assert repo.mlops("plan").out.startswith("No changes.")
    assert [container.id for container in repo.containers()] == [before.id]


def answers(repo: OnEngine) -> bool:
    with repo.started("invoke", "credit") as process:
        out, _ = process.communicate(timeout=PATIENCE_S)
    return out == '"blue"\n'
