"""A GitHub of this machine's own: repositories, an API, runners and what they run."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import github_api
from tests.runner.hub import Hub
from tests.runner.machine import Machine
from tests.runner.runs import Service


@pytest.fixture
def api() -> Iterator[github_api.Hub]:
    """GitHub's API, whose one repository is that of a team."""
    with github_api.serving() as served:
        yield served


@pytest.fixture
def service(tmp_path: Path, api: github_api.Hub) -> Service:
    """With no repository so far."""
    return served_by(api, tmp_path)


def served_by(api: github_api.Hub, folder: Path) -> Service:
    """What does with events what GitHub does; the tokens of its jobs may do what the jobs may."""

    def minted(permissions: Mapping[str, str]) -> str:
        issues, pulls = (permissions.get(name, "none") for name in ("issues", "pull-requests"))
        return api.token("github-actions[bot]", issues=issues, pulls=pulls)

    hub = Hub(folder / "remotes", lambda user: api.pull(login=user))
    machine = Machine(hub, folder / "machines", api.url, minted)
    machine.folder.mkdir()
    return Service(hub, machine, folder / "at")
