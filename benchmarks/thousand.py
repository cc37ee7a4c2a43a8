"""A thousand resources on a memory target: plan, drift and apply, beside git and the disk."""

import re
import shutil
import subprocess
from pathlib import Path

from folders import write_folder
from measuring import MLOPS, Bench, Command, python
from table import Row, compared

RESOURCES = 1000
SYNC = "import os; f = open('synced', 'wb')\nfor _ in range(200): f.write(b'x' * 1000); f.flush(); os.fsync(f.fileno())"


def plans(bench: Bench) -> list[Row]:
    """The plans that change nothing, with and without the parse cache; the plan of everything; drift; git status."""
    new, same = _folder(bench, "new"), _folder(bench, "same")
    bench.run(Command((MLOPS, "apply", "--auto-approve"), same, "succeeded."))
    cache = same / ".mlops" / "cache"
    commands = [
        Command((MLOPS, "plan"), same, "No changes."),
        Command((MLOPS, "plan"), same, "No changes.", lambda: shutil.rmtree(cache, ignore_errors=True)),
        Command((MLOPS, "plan"), new, "to create"),
        Command((MLOPS, "drift"), same, "No drift"),
        Command(("git", "status"), same, "working tree clean"),
    ]
    warm, cold, first, drift, git = bench.in_turns(commands, bench.runs(9, 3))
    peer = ("git status", git)
    return [
        compared("plan, 1,000 resources, no change", warm, peer, goal=0.4),
        compared("  the same, nothing cached", cold, peer),
        compared("plan, 1,000 resources, all new", first, peer),
        compared("drift, 1,000 resources", drift, peer),
    ]


def applies(bench: Bench) -> list[Row]:
    """An apply that creates everything: every step is on the disk before and after it is done."""
    folder = _folder(bench, "applied")
    apply = Command((MLOPS, "apply", "--auto-approve"), folder, "succeeded.")
    destroy = Command((MLOPS, "destroy", "--auto-approve"), folder, "succeeded.")
    sync = python(SYNC, folder)
    steps = int(re.findall(r"(\d+) succeeded\.", bench.run(apply)[1])[-1])
    bench.run(destroy)
    costs: list[list] = [[], [], []]
    for _ in range(bench.runs(3, 1)):
        for kept, command in zip(costs, (apply, destroy, sync), strict=True):
            kept.append(bench.run(command)[0])
    peer = ("200 fsyncs", costs[2])
    rows = [
        compared(f"apply, {steps} memory steps", costs[0], peer, by="wall"),
        compared("destroy of the same", costs[1], peer, by="wall"),
    ]
    each = Row("  of the apply, each step", rows[0].value / steps * 1000, "ms wall")
    return [rows[0], each, rows[1]]


def _folder(bench: Bench, name: str) -> Path:
    """A folder of resources, committed to git."""
    folder = bench.folder / name
    write_folder(folder, RESOURCES)
    (folder / ".gitignore").write_text(".mlops/\nlive.json\nsynced\n")
    someone = ("-c", "user.name=bench", "-c", "user.email=bench@example")
    for words in (("init", "--quiet"), ("add", "."), (*someone, "commit", "--quiet", "--message", "All of it")):
        subprocess.run(("git", *words), cwd=folder, env=bench.environ, check=True)
    return folder
