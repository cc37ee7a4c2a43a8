"""What a pull request and a schedule wait for: drift of a thousand resources, a large plan as a comment and a page."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from folders import write_folder
from measuring import MLOPS, Bench, Command, python
from policies import policies
from table import Row, compared
from watching import reaction

RESOURCES, STEPS = 1000, 5000
DRIFT_S, RENDERED_S, BLAME_S = 0.2, 1, 2
COMMITS = 300

# A plan of as many roll-outs, each of three fields; the best of some, as the first compiles its patterns.
RENDERED = """
import json, sys, time
from reconciler.core.address import Address
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Plan, Step
from functools import partial
from reconciler.render.as_json import plan_json
from reconciler.render.html import plan_html
from reconciler.render.markdown import plan_markdown
from reconciler.render.values import json_text

def step(number):
    place = f"manifests/e{number}/blue.yml"
    fields = (
        FieldChange("instance_type", "Standard_DS2_v2", "Standard_DS3_v2", Source(place, 11)),
        FieldChange("request_settings.request_timeout_ms", 3000, 5000, Source(place, 14)),
        FieldChange("tags", {"team": "a"}, {"team": "b", "cost": "<b>1</b>"}, Source(place, 17)),
    )
    address = Address("deployment", "blue", endpoint=f"endpoint-{number}")
    return Step(number, Action.ROLL_OUT, address, "instance_type, tags changed", fields, {}, {}, (number - 1,))

plan = Plan("prod", "lineage", 1, "tree", tuple(map(step, range(1, int(sys.argv[1]) + 1))))
costs = []
forms = {"Markdown": plan_markdown, "HTML": plan_html}
forms["Markdown for a summary"] = partial(plan_markdown, budget=1 << 20)
forms["JSON"] = lambda plan: json_text(plan_json(plan))
render = forms[sys.argv[3]]
for _ in range(int(sys.argv[2])):
    began = time.process_time()
    text = render(plan)
    costs.append(time.process_time() - began)
print(json.dumps([min(costs), len(text)]))
"""

BLAME = """
import sys, time
from pathlib import Path
from reconciler.core.manifest import Source
from reconciler.load.authorship.blame import blamed

sources = [Source(str(file), int(sys.argv[1])) for file in Path("manifests").glob("e*/d*.yml")]
sources += [Source(str(file), 1) for file in Path("manifests").glob("e*/endpoint.yml")]
began = time.perf_counter()
found = blamed(sources, Path.cwd())
cost = time.perf_counter() - began
assert len(found.found) == len(sources) > 900, found.why
assert {one.summary for source, one in found.found.items() if "/d" in source.file} == {sys.argv[2]}
print(cost)
"""


def gitops(bench: Bench) -> Iterator[Row]:
    """Every number that a goal is set for."""
    yield _drift(bench)
    yield _rendered(bench, "Markdown")
    yield _rendered(bench, "Markdown for a summary")
    yield _rendered(bench, "JSON")
    yield _rendered(bench, "HTML")
    yield from _blame(bench)
    yield policies(bench)
    yield reaction(bench)


def _drift(bench: Bench) -> Row:
    folder = _applied(bench, "drifting")
    drift, bare = bench.in_turns(
        [Command((MLOPS, "drift"), folder, "No drift"), python("pass", folder)], bench.runs(9, 3)
    )
    return compared("drift, 1,000 resources, a memory target", drift, ("python -c pass", bare), goal=DRIFT_S)


def _rendered(bench: Bench, form: str) -> Row:
    argv = (sys.executable, "-c", RENDERED, str(STEPS), str(bench.runs(9, 3)), form)
    done = subprocess.run(argv, env=bench.environ, capture_output=True, text=True, check=True)
    cost, size = json.loads(done.stdout)
    return Row(f"{form} of a plan of {STEPS:,} steps", cost, "s CPU", RENDERED_S, note=f"{size:,} characters")


def _blame(bench: Bench) -> Iterator[Row]:
    """A field of each of a thousand files, changed by the last commit and by the first; beside git, one by one."""
    folder = _history(bench)
    for what, line, found in (("last", 14, "last"), ("first", 1, "first")):
        argv = (sys.executable, "-c", BLAME, str(line), found)
        # The interpreter and its modules would be loaded anyway; what is told is the time of the blame itself.
        costs = [float(bench.run(Command(argv, folder))[1]) for _ in range(bench.runs(9, 3))]
        files = [*folder.glob("manifests/e0/d*.yml")][:5]
        began = time.perf_counter()
        for file in files:
            bench.run(Command(("git", "blame", "-L", f"{line},{line}", "HEAD", "--", str(file)), folder))
        alone = (time.perf_counter() - began) / len(files) * RESOURCES
        cost = statistics.median(costs)
        peer = f"git blame, each by itself: {alone:.0f}"
        yield Row(f"blame of 1,000 fields, of the {what} commit", cost, "s wall", BLAME_S, peer, cost / alone)


def _history(bench: Bench) -> Path:
    """A thousand files, each in the first and the last of some hundred commits; five a commit in between."""
    folder = bench.folder / "blamed"
    write_folder(folder, RESOURCES)
    files = sorted(folder.glob("manifests/e*/d*.yml"))
    someone = ("-c", "user.name=bench", "-c", "user.email=bench@example", "-c", "gc.auto=0")

    def commit(message: str) -> None:
        for words in (("add", "."), ("commit", "--quiet", "--message", message)):
            subprocess.run(("git", *someone, *words), cwd=folder, env=bench.environ, check=True)

    subprocess.run(("git", "init", "--quiet"), cwd=folder, env=bench.environ, check=True)
    commit("first")
    for number in range(COMMITS):
        for file in files[number * 5 % len(files) :][:5]:
            file.write_text(f"{file.read_text()}# {number}\n")
        commit(str(number))
    for file in files:
        file.write_text(file.read_text().replace("instance_type: Standard_DS3_v2", "instance_type: Standard_DS4_v2"))
    commit("last")
    return folder


def _applied(bench: Bench, name: str) -> Path:
    """A folder of resources that are all as a memory target has them."""
    folder = bench.folder / name
    write_folder(folder, RESOURCES)
    bench.run(Command((MLOPS, "apply", "--auto-approve"), folder, "succeeded."))
    return folder
