"""The enumeration of crashes: every point of an apply, killed once and twice, whole."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from measuring import Bench
from table import Row

_GOAL_S = 60


def crashes(bench: Bench) -> list[Row]:
    """Try everything once; a wrong end is told by the second row, and how to repeat it on standard error."""
    argv = [sys.executable, "-m", "tests.faults.enumeration"]
    root = Path(__file__).parents[1]
    done = subprocess.run(argv, cwd=root, env=bench.environ, stdout=subprocess.PIPE, text=True, check=False)
    found = json.loads(done.stdout)
    cases, wrong = found["cases"], [case for case in found["cases"] if case["wrong"]]
    for case in wrong[:5]:
        print(f"{case['wrong']}: {case['repeat']}", file=sys.stderr)
    kills = Counter(len(case["points"]) for case in cases)
    note = f"{len(found['points'])} points, {kills[1]} cases of one kill, {kills[2]} of two"
    return [
        Row("crash enumeration, whole", found["seconds"], "s wall", _GOAL_S, note=note),
        Row("crash enumeration, wrong ends", len(wrong), "cases", 0, note=f"seed {found['seed']}"),
    ]
