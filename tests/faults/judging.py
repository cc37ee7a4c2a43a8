"""What is wrong after an apply that should have mended everything: nothing, or told in a line each."""

import json
from collections.abc import Iterator
from pathlib import Path

from reconciler import pipeline
from reconciler.core.plan import Plan
from reconciler.core.secret import sealed
from reconciler.render import as_json, markdown, text
from reconciler.workspace import Workspace, open_workspace
from tests.faults.small_world import ADDRESSES, CANARY


def judged(wish: str) -> list[str]:
    """What does not hold of the repository in the current folder, to which a wish was applied."""
    with open_workspace(None) as workspace:
        planned = pipeline.plan(workspace, pipeline.Wish((wish,)))
        return [
            *_the_plan_is_empty(planned),
            *_the_record_equals_what_is_live(workspace),
            *_nothing_is_an_orphan(workspace, wish),
            *_no_secret_is_told(planned.plan),
        ]


def _the_plan_is_empty(planned: pipeline.Planned) -> Iterator[str]:
    plan = planned.plan
    yield from (f"the next plan has #{step.id} {step.action} {step.address} ({step.reason})" for step in plan.steps)
    yield from (f"the next plan recovers {item.action} {item.address}" for item in plan.recovery)
    yield from (f"the record of {address} would be corrected" for address in planned.corrections)
    yield from (f"drift: {drift}" for drift in planned.drifts)


def _the_record_equals_what_is_live(workspace: Workspace) -> Iterator[str]:
    entries = workspace.store.read().entries
    for item in workspace.provider.list():
        entry = entries.get(item.address)
        if entry is None or sealed(entry.spec) != sealed(item.spec):
            yield f"{item.address} is recorded as {entry and sealed(entry.spec)}, live it is {sealed(item.spec)}"
        elif entry.operation != item.operation:
            yield f"{item.address} is recorded as of operation {entry.operation}, live it is of {item.operation}"
        elif entry.generation < item.generation:
            yield f"{item.address} is recorded as of generation {entry.generation}, live it is of {item.generation}"


def _nothing_is_an_orphan(workspace: Workspace, wish: str) -> Iterator[str]:
    state, live = workspace.store.read(), workspace.provider.list()
    for side, found in (("recorded", map(str, state.entries)), ("live", (str(item.address) for item in live))):
        addresses = set(found)
        yield from (f"{name} is {side} and not wanted" for name in sorted(addresses - ADDRESSES[wish]))
        yield from (f"{name} is wanted and not {side}" for name in sorted(ADDRESSES[wish] - addresses))
    yield from (f"I8: {item.address} is live and not ours" for item in live if item.lineage != state.lineage)


def _no_secret_is_told(plan: Plan) -> Iterator[str]:
    told = {"text": text.plan_text(plan), "Markdown": markdown.plan_markdown(plan)}
    told |= {"JSON": json.dumps(as_json.plan_json(plan))}
    files = [Path("live.jsonl"), *(path for path in Path(".mlops").rglob("*") if "cache" not in path.parts)]
    told |= {str(path): path.read_text("latin-1") for path in files if path.is_file()}
    yield from (f"I5: the secret is told in {where}" for where, said in told.items() if CANARY in said)
