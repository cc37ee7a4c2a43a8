"""The engine ends and starts again: in the middle of an apply, and behind a deployment that serves."""

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import PATIENCE_S
from on_engine import OnEngine, begun, let_go

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
