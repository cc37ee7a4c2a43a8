"""A repository that serves for real, through applies that are killed: one step of each sort after the other."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.command_line import PATIENCE_S, Repository, environ

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL


class Serving:
    """What is done to a repository, by applies that are killed at a moment of a call and are followed by a whole one.

    Args:
        repo: of one endpoint, credit, with the deployment blue, which answers "blue"; nothing is applied.
        moment: of each call, and the how manieth of it.
        variables: of the environment of every process.
    """

    def __init__(self, repo: Repository, moment: str, nth: int, **variables: str) -> None:
        self.repo, self._moment, self._nth, self._variables = repo, moment, str(nth), variables

    def create(self) -> None:
        """From nothing."""
        self._cut_off("create deployment/credit/blue", answers={"blue"})

    def roll_out(self) -> None:
        self.repo.edit("manifests/src/score.py", '"blue"', '"bluer"')
        self._cut_off("roll_out deployment/credit/blue", answers={"bluer"})

    def route(self) -> None:
        """To a second deployment, which is created before."""
        self.repo.write("manifests/green.yml", self.repo.read("manifests/blue.yml").replace("blue", "green"))
        self.repo.edit("manifests/green.yml", "code: src", "code: green")
        self.repo.write("manifests/green/score.py", "def init(): pass\n\n\ndef run(raw_data): return 'green'\n")
        self.repo.edit("manifests/endpoint.yml", "blue: 100", "blue: 0\n  green: 100")
        self._cut_off("route endpoint/credit", answers={"green"})

    def delete(self) -> None:
        """Of the first deployment, which has no traffic any more."""
        self.repo.remove("manifests/blue.yml")
        self.repo.edit("manifests/endpoint.yml", "blue: 0\n  green: 100", "green: 100")
        self._cut_off("delete deployment/credit/blue", answers={"green"})

    def _cut_off(self, step: str, *, answers: set[str]) -> None:
        argv = [sys.executable, "-m", "tests.faults.killed", self._moment, f"call {step}", self._nth]
        env = environ(PYTHONPATH=str(ROOT), **self._variables)
        done = subprocess.run(
            argv, cwd=self.repo.folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == KILLED, done.stderr
        assert f"! recover {step.partition(' ')[2]} ({step.partition(' ')[0]} of " in self.repo.mlops("plan").out
        again = self.repo.apply().out
        assert (f"{step}: done in" in again) is (self._moment != "after"), again
        self._settled(answers)

    def _settled(self, answers: set[str]) -> None:
        """The record equals what is live, nothing is left to do, and nothing runs twice or is missing."""
        assert self.repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
        assert "No drift." in self.repo.mlops("drift", "--detailed-exitcode").out
        status = self.repo.mlops("status", "--format", "json").json
        assert status["unfinished"] == []
        (endpoint,) = status["endpoints"]
        for each in endpoint["deployments"]:
            assert (each["ready"], each["wanted"], each["provisioning_state"]) == (1, 1, "Succeeded")
        assert {self.repo.mlops("invoke", "credit").json for _ in range(3)} == answers
