"""The error budgets of a target: the promises of its policies, held against what its endpoints were asked.

The minutes that the attendant wrote down tell of the past, and the traffic log of what came after them.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reconciler.operate.ledger import known_minutes, ledger_file
from reconciler.operate.minutes import Minute, begin_of, by_endpoint, limit_of, minutes, resumed
from reconciler.operate.slo import Objective, Report, promises, report
from reconciler.operate.traffic import TABLE, oldest, requests
from reconciler.providers.provider import TableSource
from reconciler.workspace import Workspace


def budgets(workspace: Workspace, *, now: float | None = None) -> dict[str, Report]:
    """What is left of the budget of each endpoint that promises something, by its name.

    Args:
        now: in seconds since the epoch; by default the clock's.
    """
    promised = promises(workspace.target.policies)
    if not promised or not isinstance(workspace.provider, TableSource):
        return {}
    until = time.time() if now is None else now
    since = begin_of(until - max(slo["window"] for slo in promised.values()))
    known: dict[str, list[Minute]] = {name: [] for name in promised}
    for minute in known_minutes(ledger_file(workspace.config.root, workspace.target.name), since=since, until=until):
        known.setdefault(minute.endpoint, []).append(minute)
    log = workspace.provider.tables().get(TABLE, ())
    first = oldest(log)
    seams = {name: resumed(known[name][-1].end if known[name] else None, first) for name in promised}
    begins = {name: max(seam, since) for name, seam in seams.items() if seam is not None}
    later = by_endpoint(requests(log, since=min(begins.values(), default=until)))
    for name, begin in begins.items():
        limit_ms = limit_of(promised[name])
        known[name] += minutes(name, later.get(name, ()), limit_ms=limit_ms, since=begin, until=until)
    return {name: report(slo, known[name], now=until) for name, slo in promised.items()}


def as_json(found: Report) -> Mapping[str, Any]:
    """A report in one value."""
    return {
        "window_seconds": found.window_s,
        "objectives": [_objective(each) for each in found.objectives],
    }


def _objective(found: Objective) -> Mapping[str, Any]:
    fields = asdict(found)
    covered_s = fields.pop("covered_s")
    told = {"achieved": found.achieved, "budget_left": found.budget_left, "spent": found.spent}
    return {**fields, "covered_seconds": covered_s, **told}
