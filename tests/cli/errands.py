"""Operations that nobody waits for, seen from outside: their tickets, their workers, and the end of both."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
from command_line import MEMORY, Ran, Repository

from reconciler.record.lock import file_holder
from tests.faults.plugin import plugged, settings
from tests.waiting import until

PATIENCE_S = 60


class Errands:
    """A repository on a memory target whose calls wait where a test says so, and operations in it.

    Args:
        faults: by the words of a call what befalls it; the word `gate` has it wait for a file `go`.
    """

    def __init__(self, folder: Path, faults: Mapping[str, list[str]], more: str = "") -> None:
        self.repo = Repository(folder / "repo", settings(faults) if faults else MEMORY)
        self.repo.edit("mlops.yaml", "default: true", f"default: true{more}")
        self.variables = plugged(folder / "plugins")

    def mlops(self, *words: str, code: int = 0, **variables: str) -> Ran:
        """Run a command to its end."""
        return self.repo.mlops(*words, code=code, **self.variables, **variables)

    def endpoint(self, verb: str, name: str, *words: str, code: int = 0, **variables: str) -> Ran:
        """Run a command of one endpoint without waiting for what it does."""
        return self.mlops("online-endpoint", verb, "-n", name, *words, "--no-wait", code=code, **variables)

    def state(self, name: str = "credit") -> str:
        """What a poll loop reads of an endpoint."""
        shown = ("online-endpoint", "show", "-n", name, "--query", "provisioning_state", "-o", "tsv")
        return self.mlops(*shown).out.strip()

    def files(self, pattern: str) -> list[Path]:
        return sorted((self.repo.folder / ".mlops" / "operations" / "dev").glob(pattern))

    def workers(self) -> list[psutil.Process]:
        """The workers that live, by the locks on their tickets: a pid may be another's by now."""
        found = []
        for file in self.files("*.json"):
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError, ValueError):
                if file_holder(file) is not None:
                    found.append(psutil.Process(json.loads(file.read_text())["holder"]["pid"]))
        return found

    def busy(self) -> bool:
        """Whether anybody works on a ticket, be it one that is just being written."""
        return any(file_holder(file) is not None for file in self.files("*.json"))

    def begun(self) -> None:
        """Wait until the call at the gate has come."""
        until((self.repo.folder / "begun").exists)

    def open_gate(self) -> None:
        """Let every call through, and wait until nothing is under way."""
        self.repo.write("go", "")
        until(lambda: not self.busy(), patience_s=PATIENCE_S)

    def runs(self) -> list[tuple[str, str]]:
        """Command and outcome of every run, oldest first."""
        runs = self.mlops("history", "--format", "json").json["runs"]
        return [(run["command"], run["outcome"]) for run in reversed(runs)]

    def steps(self) -> list[str]:
        """What was done, oldest first."""
        runs = self.mlops("history", "--format", "json").json["runs"]
        told = [self.mlops("history", "show", run["id"], "--format", "json").json for run in reversed(runs)]
        return [f"{each['action']} {each['address']}" for run in told for each in run["operations"]]

    def end(self) -> None:
        """End whatever still works here."""
        for worker in self.workers():
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
                worker.wait(PATIENCE_S)


@contextlib.contextmanager
def errands(folder: Path, faults: Mapping[str, list[str]], more: str = "") -> Iterator[Errands]:
    """Operations that all have ended when the block has."""
    made = Errands(folder, faults, more)
    try:
        yield made
    finally:
        made.end()
