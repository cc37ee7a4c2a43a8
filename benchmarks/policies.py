"""A large plan before ten policies: what asking them adds, all told, the process of their own included."""

import json
import subprocess
import sys

from measuring import Bench
from table import Row

STEPS, POLICIES, GOAL_S = 5000, 10, 2

# The policies that a team likely has, over steps, resources and fields; none finds anything.
ASKED = """
import gc, json, resource, sys
from pathlib import Path
from reconciler.core.address import Address
from reconciler.core.bylaw import Bylaw
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Plan, Step
from reconciler.judging import Occasion, judged
from reconciler.load.settings.config import Target

spec = {"instance_type": "Standard_DS3_v2", "instance_count": 3, "model": "azureml:risk:3",
        "environment": "azureml:sk:1",
        "code_configuration": {"code": {"digest": "sha256:" + "0" * 64, "name": "src"}, "scoring_script": "score.py"},
        "tags": {"owner": "ana", "team": "b"}, "request_settings": {"request_timeout_ms": 5000}}

def step(number):
    place = f"manifests/e{number}/blue.yml"
    fields = (
        FieldChange("instance_type", "Standard_DS2_v2", "Standard_DS3_v2", Source(place, 11)),
        FieldChange("request_settings.request_timeout_ms", 3000, 5000, Source(place, 14)),
        FieldChange("tags", {"team": "a"}, {"team": "b", "cost": "<b>1</b>"}, Source(place, 17)),
    )
    address = Address("deployment", "blue", endpoint=f"endpoint-{number}")
    return Step(number, Action.ROLL_OUT, address, "instance_type, tags changed", fields, spec, spec, (number - 1,))

plan = Plan("prod", "lineage", 1, "tree", tuple(map(step, range(1, int(sys.argv[1]) + 1))))
tests = [
    ("step", 'step.action == "delete" && step.kind == "endpoint"'),
    ("step", 'step.action == "route" && step.before != null && size(step.before.traffic) > 4'),
    ("step", 'step.after.instance_count > 10'),
    ("step", 'step.fields.exists(f, f.path == "identity")'),
    ("step", 'step.kind == "environment" && !step.after.image.contains("@sha256:")'),
    ("step", 'step.after.model.matches("latest$")'),
    ("step", 'step.after.request_settings.request_timeout_ms > 60000'),
    ("resource", '!("owner" in resource.after.tags)'),
    ("field", 'field.path == "instance_count" && field.after > 10'),
    ("plan", 'size(plan.steps) > 100000'),
]
place = {"": Source("p.yaml", 1), "deny_if": Source("p.yaml", 3)}
bylaws = [Bylaw(f"p{n}", over, test, True, places=place) for n, (over, test) in enumerate(tests)]
gc.disable()  # as the command does
costs = []
for _ in range(int(sys.argv[2])):
    began = sum(resource.getrusage(who)[0] for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    assert judged(plan, bylaws, Occasion("plan", Path("."), Target("prod", "memory"))) == ()
    costs.append(sum(resource.getrusage(who)[0] for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) - began)
print(json.dumps(min(costs)))
"""


def policies(bench: Bench) -> Row:
    """Ten policies over 5,000 steps."""
    argv = (sys.executable, "-c", ASKED, str(STEPS), str(bench.runs(5, 2)))
    done = subprocess.run(argv, env=bench.environ, capture_output=True, text=True, check=True)
    return Row(f"{POLICIES} policies over {STEPS:,} steps", json.loads(done.stdout), "s CPU", GOAL_S)
