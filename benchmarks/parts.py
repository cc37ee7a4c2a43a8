"""Where the time of a plan goes that changes nothing: the interpreter, imports, git, SQLite, the live side, the system.

Such a plan is known at a glance, once nothing has been written for two seconds; so long the measuring waits. With
`--verbose` it never is, and looks whether all is as at an earlier one.

The interpreter, the imports and the digest of the live file are processes of their own, which do no more. What git
takes the kernel counts. Once all is imported, calls into SQLite and the system are counted by the profiler, which does
not slow these down as it does Python's own functions; those are the rest.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from applied import applied
from measuring import MLOPS, Bench, Command, median, python, say
from table import Row

SIZES = (1_000, 10_000, 100_000)

PROFILED = """
import cProfile, importlib, json, os, pstats, resource, sys
os._exit = sys.exit
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
from reconciler.cli.main import main
sys.argv = ["mlops", "plan", *sys.argv[2:]]
profile = cProfile.Profile()
try:
    profile.runcall(main)
except SystemExit:
    pass
kinds = {
    "SQLite": ("sqlite3", "_sqlite3"),
    "system": ("posix.", "scandir", "ScandirIterator", "'read' of", "'write' of", "_io.open", "DirEntry"),
}
spent = dict.fromkeys(kinds, 0.0)
for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
    kind = next((kind for kind, words in kinds.items() if file == "~" and any(word in name for word in words)), None)
    if kind:
        spent[kind] += own
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"git": children.ru_utime + children.ru_stime, **spent}), file=sys.stderr)
"""
# As the product ends: Python takes nothing apart, which would count as imports.
END = "import os; os._exit(0)"
DIGEST = "import hashlib; stream = open('live.json', 'rb')"
LOADED = """
import os, sys
os._exit = sys.exit
from reconciler.cli.main import main
sys.argv = ["mlops", "plan", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
names = [name for name in sys.modules if name != "__main__"]
import json  # which is not what the plan has loaded
print(json.dumps(names), file=sys.stderr)
"""


def parts(bench: Bench) -> Iterator[Row]:
    """The parts of a plan of each size."""
    for size in SIZES[: bench.runs(len(SIZES), 2)]:
        say(f"  {size:,} resources")
        folder = applied(bench, f"{size}", size)
        known_at_a_glance(bench, folder)
        yield from _parts(bench, folder, f"plan, {size:,} resources, no change")
        yield from _parts(bench, folder, f"plan, {size:,} resources, not at a glance", "--verbose")


def _parts(bench: Bench, folder: Path, what: str, *words: str) -> Iterator[Row]:
    plan = Command((MLOPS, "plan", *words), folder, "No changes.")
    bench.run(plan)  # from then on it loads what it needs to know itself by
    modules = json.loads(names := last_line(bench, LOADED, folder, *words))
    each = f"for name in {modules!r}: importlib.import_module(name)"
    imports = python(f"import gc, importlib; gc.disable()\n{each}\n{END}", folder)
    digest = [python(DIGEST, folder), python(f"{DIGEST}; hashlib.file_digest(stream, 'sha256')", folder)]
    turns = bench.in_turns([plan, python(END, folder), imports, *digest], bench.runs(9, 3))
    total, interpreter, loaded, opened, digested = (median(costs).cpu for costs in turns)
    told = [json.loads(last_line(bench, PROFILED, folder, names, *words)) for _ in range(bench.runs(9, 3))]
    spent = {
        "interpreter": interpreter,
        f"imports of {len(modules)} modules": loaded - interpreter,
        f"digest of {(folder / 'live.json').stat().st_size / 1e6:.0f} MB of live side": digested - opened,
        **{name: statistics.median(each[name] for each in told) for name in told[0]},
    }
    yield Row(what, total, "s CPU")
    for name, seconds in {**spent, "the rest, in Python": total - sum(spent.values())}.items():
        yield Row(f"  {name}", seconds, "s CPU", note=f"{seconds / total:.0%}")


def known_at_a_glance(bench: Bench, folder: Path, patience_s: float = 60) -> str:
    """Wait until a plan says at a glance what the one before it said; what it loads, as JSON."""
    until = time.monotonic() + patience_s
    while "reconciler.planning" in (names := last_line(bench, LOADED, folder)):
        if time.monotonic() > until:
            raise RuntimeError("no plan is known at a glance")
        time.sleep(0.5)
    return names


def last_line(bench: Bench, script: str, folder: Path, *words: str) -> str:
    """What a script says last, of a plan that changes nothing."""
    return bench.run(Command((sys.executable, "-c", script, *words), folder, "No changes."))[1].strip().splitlines()[-1]
