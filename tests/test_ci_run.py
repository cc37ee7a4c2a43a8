"""`.ci/run` ends the engine that it has started, however it ends, and however often it is told to."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.waiting import until

RUN = Path(__file__).parents[1] / ".ci" / "run"
# Stands for Python, make and whatever else is run: notes what is asked of it, and makes a base image until told to end.
STUB = """#!/bin/sh
case "${0##*/} $*" in
    "python3 -c "*) exit 0 ;;
    "docker "*) exit 1 ;;
    "id "*) echo 0; exit 0 ;;
    "mktemp "*) echo "$NOTES.engine"; exit 0 ;;
esac
echo "${0##*/} $*" >> "$NOTES"
case "$*" in *debian.py) while [ ! -e "$NOTES.go" ]; do sleep 0.05; done ;; esac
"""


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_engine_ends_also_where_the_run_is_told_twice_to_end(tmp_path: Path) -> None:
    notes, folder = tmp_path / "notes", tmp_path / "bin"
    folder.mkdir()
    for name in ("python3", "make", "docker", "id", "mktemp", "apt-get"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "NOTES": str(notes)}
    with subprocess.Popen([str(RUN)], env=environ, stdout=subprocess.DEVNULL) as run:
        try:
            until(lambda: notes.exists() and "make test" in notes.read_text())
            for _ in range(2):
                run.send_signal(signal.SIGTERM)
                time.sleep(0.5)  # for it to end, which it must not before the image is made
            assert run.poll() is None
        finally:
            Path(f"{notes}.go").touch()
        run.wait(60)
    started = [line for line in notes.read_text().splitlines() if "dockerd.py" in line]
    assert [line.split()[2] for line in started] == ["start", "swarm", "stop"]
