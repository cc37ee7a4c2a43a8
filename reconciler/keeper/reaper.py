"""Ends what somebody has started once that somebody is gone, however it ended: told what over standard input.

A program of its own in a session of its own, so that neither Ctrl-C nor the death of who started it reaches it.
"""

import os
import subprocess
import sys
from pathlib import Path

import reconciler
from reconciler.core.secret import without_secrets
from reconciler.keeper.children import kill_group, kill_marked, marked


class Reaper:
    """The end of one process and all that it starts: at `end`, or with the end of this process."""

    def __init__(self) -> None:
        self.mark = os.urandom(12).hex()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reconciler.keeper.reaper", self.mark],
            # Not the user's folder, where a module of theirs would stand in for one of ours.
            cwd=Path(reconciler.__file__).parent.parent,
            env=without_secrets(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def marked(self, env: dict[str, str]) -> dict[str, str]:
        """The environment to start with what it is to find."""
        return marked(env, self.mark)

    def watch(self, pid: int) -> None:
        """Have it end this process, the leader of a session of its own, and what it has started."""
        if self._process.stdin:
            self._process.stdin.write(f"{pid}\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """End all of it now, and return when that is done."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


def _main() -> None:
    pids = [int(line) for line in sys.stdin]
    for pid in pids:
        kill_group(pid)
    kill_marked(sys.argv[1])


if __name__ == "__main__":
    _main()
