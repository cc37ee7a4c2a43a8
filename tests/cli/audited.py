"""The command line in a process whose every import, socket, program and file to write is told by Python itself."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from command_line import MLOPS, PATIENCE_S, Repository, environ

# The real entry point, as its script runs it; what is told goes to a file that was opened before the hook was set.
_RUN = """
import json, os, sys
told = open(sys.argv[1], "a", buffering=1)
script, sys.argv = sys.argv[2], sys.argv[2:]
sys.path[0] = os.path.dirname(script)
NAMED = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "os.putenv",
         "ctypes.dlopen", "pty.spawn", "webbrowser", "ftplib", "http.client", "urllib", "smtplib", "sqlite3.connect")
def hook(event, args):
    if event.startswith(NAMED):
        told.write(json.dumps([event, repr(args)]) + "\\n")
    elif event == "exec":
        told.write(json.dumps([event, getattr(args[0], "co_filename", "")]) + "\\n")
    elif event == "open" and isinstance(args[0], (str, bytes)) and args[2] and args[2] & (os.O_WRONLY | os.O_RDWR):
        told.write(json.dumps(["write", os.path.abspath(os.fsdecode(args[0]))]) + "\\n")
sys.addaudithook(hook)
exec(compile(open(script).read(), script, "exec"), {"__name__": "__main__"})
"""


@dataclass(frozen=True)
class Audited:
    """What a process printed, and what it did."""

    out: str
    err: str
    events: tuple[tuple[str, str], ...]

    def of(self, *prefixes: str) -> list[tuple[str, str]]:
        """The events of some names."""
        return [event for event in self.events if event[0].startswith(prefixes)]

    def run_from(self, folder: Path) -> list[str]:
        """The files below a folder whose code was run."""
        return sorted({file for event, file in self.events if event == "exec" and file.startswith(str(folder))})


def audited(repo: Repository, *words: str, before: Sequence[str] = (), code: int = 0, **variables: str) -> Audited:
    """Run the command to its end; `before` is a program that runs it, such as one that takes the network away."""
    log, runner = repo.folder.parent / "events.jsonl", repo.folder.parent / "runner" / "run.py"
    log.write_text("")
    runner.parent.mkdir(exist_ok=True)
    runner.write_text(_RUN)
    argv = [*before, sys.executable, str(runner), str(log), MLOPS, *words]
    unmeasured = {name: value for name, value in environ(**variables).items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        argv, check=False, cwd=repo.folder, env=unmeasured, input="", capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
    events = tuple((event, text) for event, text in map(json.loads, log.read_text().splitlines()))
    assert any(event == "exec" and "reconciler" in text for event, text in events), "the hook saw nothing"
    return Audited(done.stdout, done.stderr, events)
