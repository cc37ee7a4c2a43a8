"""Whole processes, measured: CPU of a process and of the children that it waited for, wall, peak memory."""

import os
import re
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MLOPS = str(Path(sys.executable).with_name("mlops"))
LAUNCHER = str(Path(__file__).with_name("launching.py"))


@dataclass(frozen=True)
class Cost:
    """What one run of a process took; `mb` is its peak memory."""

    cpu: float
    wall: float
    mb: float = 0


@dataclass(frozen=True)
class Command:
    """A command line to measure.

    Args:
        argv: program and arguments.
        folder: where it runs.
        expect: what its output must hold, so that nothing else is measured than was meant.
        prepare: done before every run, unmeasured.
        environ: what it has in its environment besides.
        refuse: a pattern that its output must not hold.
    """

    argv: Sequence[str]
    folder: Path
    expect: str = ""
    prepare: Callable[[], object] = lambda: None
    environ: Mapping[str, str] = field(default_factory=dict)
    refuse: str = ""


@dataclass(frozen=True)
class Bench:
    """How to measure.

    Args:
        folder: everything is written below it.
        quick: fewer repetitions.
    """

    folder: Path
    quick: bool = False

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment without a developer's switches; compiled modules are kept as an installation keeps them."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MLOPS", "GIT_"))}
        return {**kept, "PYTHONPYCACHEPREFIX": str(self.folder / "pyc"), "GIT_CONFIG_GLOBAL": os.devnull}

    def runs(self, many: int, few: int) -> int:
        """How often to repeat."""
        return few if self.quick else many

    def run(self, command: Command) -> tuple[Cost, str]:
        """Run a command to its end; its cost and its output."""
        command.prepare()
        output, told = self.folder / "output", self.folder / "told"
        told.unlink(missing_ok=True)
        besides = (f"{name}={value}" for name, value in command.environ.items())
        with output.open("wb") as stream:
            ended = subprocess.run(
                (sys.executable, "-I", "-S", LAUNCHER, str(told), *besides, "--", *command.argv),
                cwd=command.folder,
                env=self.environ,
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        cpu, wall, peak, code = _told(told) if not ended.returncode else (0, 0, 0, ended.returncode)
        text = output.read_text(errors="replace")
        refused = command.refuse and re.search(command.refuse, text)
        if code or command.expect not in text or refused:
            words = " ".join(map(str, command.argv))
            raise RuntimeError(f"`{words}` ended with {code} and said: {text[-300:].strip()!r}")
        return Cost(cpu, wall, peak / (1e6 if sys.platform == "darwin" else 1e3)), text

    def in_turns(self, commands: Sequence[Command], runs: int) -> list[list[Cost]]:
        """The costs of each command; they take turns, so that a machine that slows down slows all of them."""
        for command in commands:
            self.run(command)
        rounds = [[self.run(command)[0] for command in commands] for _ in range(runs)]
        return [list(costs) for costs in zip(*rounds, strict=True)]


def _told(file: Path) -> tuple[float, float, int, int]:
    """What the launcher has written: CPU and wall seconds, peak memory as the system counts it, exit code."""
    cpu, wall, peak, code = file.read_text().split()
    return float(cpu), float(wall), int(peak), int(code)


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each part."""
    return Cost(*(statistics.median(getattr(cost, part) for cost in costs) for part in ("cpu", "wall", "mb")))


def python(code: str, folder: Path) -> Command:
    """A peer: what the interpreter itself takes for some code."""
    return Command((sys.executable, "-c", code), folder)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, each another one."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
