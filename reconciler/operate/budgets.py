"""The error budgets of a target: the promises of its policies, held against its traffic log."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reconciler.operate.slo import Report, report
from reconciler.operate.traffic import TABLE, Request, oldest, requests
from reconciler.providers.provider import TableSource
from reconciler.workspace import Workspace


def budgets(workspace: Workspace, *, now: float | None = None) -> dict[str, Report]:
    """What is left of the budget of each endpoint that promises something, by its name.

    Args:
        now: in seconds since the epoch; by default the clock's.
    """
    promises = {each.name: found["slo"] for each, found in workspace.target.policies.items() if "slo" in found}
    if not promises or not isinstance(workspace.provider, TableSource):
        return {}
    until = time.time() if now is None else now
    log = workspace.provider.tables().get(TABLE, ())
    answered: defaultdict[str, list[Request]] = defaultdict(list)
    for request in requests(log, since=until - max(slo["window"] for slo in promises.values())):
        answered[request.endpoint].append(request)
    first = oldest(log)
    return {name: report(slo, answered[name], now=until, oldest=first) for name, slo in promises.items()}


def as_json(found: Report) -> Mapping[str, Any]:
    """A report in one value."""
    return {
        "window_seconds": found.window_s,
        "covered_seconds": found.covered_s,
        "objectives": [
            {**asdict(each), "achieved": each.achieved, "budget_left": each.budget_left, "spent": each.spent}
            for each in found.objectives
        ],
    }
