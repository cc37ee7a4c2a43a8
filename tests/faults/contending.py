"""Applies of the real command line that meet at one target; one of them is held in the middle of a step."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Run
from tests.cli.command_line import PATIENCE_S, Ran, Repository
from tests.faults.plugin import plugged, settings
from tests.waiting import until

CREATE_BLUE = "create deployment/credit/blue"
APPLY = ("apply", "--auto-approve")


class Contended(Repository):
    """A repository whose first apply stands still in a call until it is let go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "repo", settings({CREATE_BLUE: ["gate"]}))
        self.plugin = plugged(folder / "site")

    def run(self, *words: str, code: int = 0, **variables: str) -> Ran:
        return self.mlops(*words, code=code, **self.plugin, **variables)

    @contextmanager
    def held(self, *words: str, **variables: str) -> "Iterator[subprocess.Popen[str]]":
        """An apply in the middle of the call that creates the deployment; later ones are not held."""
        with self.started(*APPLY, *words, **self.plugin, **variables) as process:
            try:
                until((self.folder / "begun").exists)
                self.write("mlops.yaml", settings({}))
                yield process
            finally:
                process.kill()

    def let_go(self) -> None:
        self.write("go", "")

    def let_end(self, process: "subprocess.Popen[str]") -> Ran:
        """Let the held apply go on to its end."""
        self.let_go()
        out, err = process.communicate(timeout=PATIENCE_S)
        return Ran(process.returncode, out, err)

    def status(self) -> Any:
        return self.run("status", "--format", "json").json

    def history(self) -> tuple[Run, ...]:
        """Oldest first."""
        with closing(SqliteStore(self.folder / ".mlops" / "state.db", "dev")) as store:
            return store.runs()[::-1]

    def assert_settled(self) -> None:
        """Record and live side are equal, and nothing is to be done."""
        assert self.run("plan", "--detailed-exitcode").out.startswith("No changes.")
        assert "No drift." in self.run("drift", "--detailed-exitcode").out
        assert self.status()["unfinished"] == []
