"""Leaving a command line to a worker; whoever only does that loads nothing of what plans or applies."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import reconciler
from reconciler.core.worker import WORKER

_MAIN = """import json, os, sys
sys.path.insert(0, sys.argv[1])
sys.argv[1:] = json.loads(os.environ["MLOPS_WORKER"])
from reconciler.cli.main import main
main()"""


def started(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[int, str]:
    """Start the worker of a command line, and wait until it is accepted or refused.

    Standard error is shared until then, so that a refusal is told as ever. Nothing of this process is held open by the
    worker afterwards: whoever reads our output sees its end.

    Args:
        words: of the command line.
        environ: of this process; the worker gets all of it.

    Returns:
        The exit code, and where the log of the worker is; empty where it was refused.
    """
    # Without -P a folder `reconciler` of whoever's repository this is would be imported.
    place, command = str(Path(reconciler.__file__).parent.parent), words[:2]
    worker = subprocess.Popen(
        [sys.executable, "-P", "-c", _MAIN, place, *command],
        env={**environ, WORKER: json.dumps(words)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with worker.stdout or io.BytesIO() as answer:
        log = answer.readline().decode().rstrip("\n")
    if log:
        worker.returncode = 0  # it goes on, and is nobody's to wait for
        return 0, log
    return worker.wait(), ""
