"""What a pull request and a schedule wait for: drift of a thousand resources, and a large plan as a comment."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from folders import write_folder
from measuring import MLOPS, Bench, Command, python
from table import Row, compared

RESOURCES, STEPS = 1000, 5000
DRIFT_S, MARKDOWN_S = 0.6, 1

# A plan of as many roll-outs, each of three fields; the best of some, as the first compiles its patterns.
MARKDOWN = """
import json, sys, time
from reconciler.core.address import Address
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Plan, Step
from reconciler.render.markdown import plan_markdown

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
for _ in range(int(sys.argv[2])):
    began = time.process_time()
    text = plan_markdown(plan)
    costs.append(time.process_time() - began)
print(json.dumps([min(costs), len(text)]))
"""


def gitops(bench: Bench) -> Iterator[Row]:
    """Every number that a goal is set for."""
    yield _drift(bench)
    yield _markdown(bench)


def _drift(bench: Bench) -> Row:
    folder = _applied(bench, "drifting")
    drift, bare = bench.in_turns(
        [Command((MLOPS, "drift"), folder, "No drift"), python("pass", folder)], bench.runs(9, 3)
    )
    return compared("drift, 1,000 resources, a memory target", drift, ("python -c pass", bare), goal=DRIFT_S)


def _markdown(bench: Bench) -> Row:
    argv = (sys.executable, "-c", MARKDOWN, str(STEPS), str(bench.runs(9, 3)))
    done = subprocess.run(argv, env=bench.environ, capture_output=True, text=True, check=True)
    cost, size = json.loads(done.stdout)
    return Row(f"Markdown of a plan of {STEPS:,} steps", cost, "s CPU", MARKDOWN_S, note=f"{size:,} characters")


def _applied(bench: Bench, name: str) -> Path:
    """A folder of resources that are all as a memory target has them."""
    folder = bench.folder / name
    write_folder(folder, RESOURCES)
    bench.run(Command((MLOPS, "apply", "--auto-approve"), folder, "succeeded."))
    return folder
