"""A thousand resources on a memory target: apply and destroy, beside the disk."""

import re

from folders import committed
from measuring import MLOPS, Bench, Command, python
from table import Row, compared

RESOURCES = 1000
SYNC = "import os; f = open('synced', 'wb')\nfor _ in range(200): f.write(b'x' * 1000); f.flush(); os.fsync(f.fileno())"


def applies(bench: Bench) -> list[Row]:
    """An apply that creates everything: every step is on the disk before and after it is done."""
    folder = committed(bench.folder / "applied", RESOURCES, bench.environ)
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
