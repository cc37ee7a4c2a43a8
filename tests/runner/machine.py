"""Machines that run jobs: one that GitHub gives is fresh, one of the team's own keeps its workspace."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tests.runner.actions import ActionError, Place
from tests.runner.hub import Hub, Project, git_environment
from tests.runner.steps import Sandbox

if TYPE_CHECKING:
    from tests.runner.runs import Run

HOSTED = "ubuntu-24.04"
# How this machine reaches the index of packages; nothing else of the environment of a test comes into a job.
KEPT = ("PIP_", "UV_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
        "http_proxy", "https_proxy", "no_proxy", "LANG")  # fmt: skip


@dataclass(frozen=True)
class Token:
    """The GITHUB_TOKEN of a job, with the permissions of the job."""

    text: str
    permissions: Mapping[str, str]


@dataclass
class Machine:
    """Gives every job its machine.

    Args:
        hub: the repositories that a job may check out.
        folder: where the machines are.
        api_url: where GitHub's API is.
        minted: makes the token of a job that may do something.
        with_uv: whether uv is among its tools.
    """

    hub: Hub
    folder: Path
    api_url: str = "http://127.0.0.1:9"
    minted: Callable[[Mapping[str, str]], str] = lambda _permissions: f"ghs_{secrets.token_hex(16)}"
    with_uv: bool = True
    environ: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def ready(self, label: str, run: "Run", project: Project, token: Token) -> Iterator[Sandbox]:
        """A machine for one job; what is of the job alone is gone afterwards."""
        hosted = label == HOSTED
        home = self.folder / (f"hosted-{token.text[-8:]}" if hosted else label)
        workspace = home / "work" / project.name / project.name.partition("/")[2]
        temp = home / "temp"
        for folder in (workspace, temp, home / "home", home / "tools"):
            folder.mkdir(parents=True, exist_ok=True)
        event = temp / "_github_workflow" / "event.json"
        event.parent.mkdir()
        event.write_text(json.dumps(run.event.payload), encoding="utf-8")
        place = Place(
            workspace, self.folder / "artifacts" / str(run.id), self._remote, project.name,
            run.event.ref if run.event.name == "push" else run.event.sha, token.text, git_environment(),
        )  # fmt: skip
        environ = self._environ(home, workspace, event, run, project, token)
        try:
            yield Sandbox(environ, place, temp)
        finally:
            _end(environ["RUNNER_TRACKING_ID"])
            shutil.rmtree(home if hosted else temp)

    def _environ(
        self, home: Path, workspace: Path, event: Path, run: "Run", project: Project, token: Token
    ) -> dict[str, str]:
        told = run.event
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        speaks = token.permissions.get("id-token") == "write"
        oidc = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.api_url}/oidc", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "oidc"}
        return {
            **kept, **self.environ, **(oidc if speaks else {}),
            "UV_CACHE_DIR": _cache(), "HOME": str(home / "home"),
            "PATH": f"{self._tools()}:/usr/local/bin:/usr/bin:/bin",
            "RUNNER_TOOL_CACHE": str(home / "tools"),
            "RUNNER_TRACKING_ID": f"github_{secrets.token_hex(16)}",
            "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(event.parent.parent), "RUNNER_OS": "Linux",
            "GITHUB_WORKSPACE": str(workspace), "GITHUB_EVENT_PATH": str(event), "GITHUB_EVENT_NAME": told.name,
            "GITHUB_SHA": told.sha, "GITHUB_REF": told.ref, "GITHUB_REPOSITORY": project.name,
            "GITHUB_REPOSITORY_OWNER": project.name.partition("/")[0], "GITHUB_RUN_ID": str(run.id),
            "GITHUB_RUN_ATTEMPT": "1", "GITHUB_WORKFLOW": run.name, "GITHUB_ACTOR": "Ana",
            "GITHUB_API_URL": self.api_url, "GITHUB_GRAPHQL_URL": f"{self.api_url}/graphql", "GITHUB_SERVER_URL": "https://github.example",
        }  # fmt: skip

    def _tools(self) -> Path:
        """The programs of the machine that are not the system's; `mlops` is none of them."""
        folder = self.folder / ("tools" if self.with_uv else "tools-without-uv")
        if not folder.is_dir():
            folder.mkdir()
            (folder / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
            if self.with_uv:
                (folder / "uv").symlink_to(Path(sys.executable).with_name("uv"))
        return folder

    def _remote(self, name: str) -> Path:
        if name not in self.hub.projects:
            raise ActionError(f"repository {name} not found")
        return self.hub.projects[name].bare


def _end(tracking: str) -> None:
    """End what a job has left running, as the runner knows it by its environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("RUNNER_TRACKING_ID") == tracking:
                process.kill()


def _cache() -> str:
    """Where uv keeps what it has fetched: it is known by its hashes, and fetched once."""
    uv = Path(sys.executable).with_name("uv")
    return subprocess.run([uv, "cache", "dir"], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
