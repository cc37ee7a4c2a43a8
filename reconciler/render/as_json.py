"""Plans, drifts, outcomes and problems as JSON values; field names are a promise, values never hold a secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.blame import Blame
from reconciler.core.failure import Failure
from reconciler.core.manifest import Source, at_present
from reconciler.core.plan import FieldChange, Outcome, Plan, Recovery, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.values import Veil

VERSION = 1
"""Grows when a field goes away or means something else; that fields come in addition does not change it."""


def plan_json(
    plan: Plan, *, blame: Mapping[Source, Blame] | None = None, warnings: Sequence[Problem] = ()
) -> dict[str, Any]:
    """The plan: `steps` in order, each with what it waits for; its form is in `schemas/plan.json`."""
    veil = Veil()
    return {
        "version": VERSION,
        "target": plan.target,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "tree": plan.tree,
        "digest": plan.digest,
        "steps": [_step(step, plan, veil, blame or {}) for step in plan.steps],
        "unchanged": plan.unchanged,
        "offline": plan.offline,
        "against": plan.against,
        "pins": dict(plan.pins),
        "by_command": [str(address) for address in plan.by_command],
        "warnings": list(map(_problem, warnings)),
        **unfinished_json(plan.recovery, plan.holder, veil),
    }


def apply_json(
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    declined: bool = False,
    blame: Mapping[Source, Blame] | None = None,
    warnings: Sequence[Problem] = (),
) -> dict[str, Any]:
    """What was planned, and what every step of it did."""
    planned = plan_json(plan, blame=blame, warnings=warnings)
    return {**planned, "declined": declined, "outcomes": outcomes_json(outcomes, plan.keys)}


def drift_json(
    drifts: Sequence[Drift],
    *,
    target: str,
    recovery: Sequence[Recovery] = (),
    holder: Mapping[str, str | int] | None = None,
    silent: Sequence[str] = (),
) -> dict[str, Any]:
    """The drifts: `drift` tells whether there is any that counts."""
    veil = Veil()
    return {
        "version": VERSION,
        "target": target,
        "drift": any(drift.kind is not DriftClass.EXPECTED for drift in drifts),
        "resources": [drift_resource(drift, veil) for drift in drifts],
        "silent": list(silent),
        **unfinished_json(recovery, holder, veil),
    }


def drift_resource(drift: Drift, veil: Veil) -> dict[str, Any]:
    """One resource that is not as recorded."""
    return {
        "address": str(drift.address),
        "class": str(drift.kind),
        "note": drift.note,
        "fields": [{"path": f.path, "recorded": veil.over(f.before), "live": veil.over(f.after)} for f in drift.fields],
    }


def outcomes_json(outcomes: Sequence[Outcome], keys: Mapping[int, str]) -> list[dict[str, Any]]:
    """What every step did; `keys` are those of its plan."""
    return [
        {
            "id": outcome.step.id,
            "key": keys[outcome.step.id],
            "action": str(outcome.step.action),
            "address": str(outcome.step.address),
            "result": str(outcome.result),
            "message": outcome.message,
            "log_tail": list(outcome.log_tail),
            "seconds": round(outcome.seconds, 3),
        }
        for outcome in outcomes
    ]


def problems_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """What a validation found."""
    return {
        "version": VERSION,
        "valid": not any(problem.is_error for problem in problems),
        "problems": list(map(_problem, problems)),
    }


def failure_json(failure: Failure) -> dict[str, Any]:
    """Why a command came to nothing."""
    return {
        "version": VERSION,
        "target": failure.target,
        "failure": {
            "command": failure.command,
            "exit_code": failure.exit_code,
            "message": failure.message,
            "problems": list(map(_problem, failure.problems)),
            "plan": plan_json(failure.plan) if failure.plan else None,
        },
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "code": problem.code,
        "severity": "error" if problem.is_error else "warning",
        "message": problem.message,
    }


def _recovery(item: Recovery, veil: Veil) -> dict[str, Any]:
    told = {"operation": item.operation, "action": item.action, "address": str(item.address), "started": item.started}
    return {**told, "fields": [_field(field, veil) for field in item.fields], "found": item.became and str(item.became)}


def unfinished_json(
    under_way: Sequence[Recovery], holder: Mapping[str, str | int] | None, veil: Veil
) -> dict[str, Any]:
    """What a run left without an end, or who is at work and at what."""
    told = [_recovery(item, veil) for item in under_way]
    return {
        "recovery": told if holder is None else [],
        "in_progress": None if holder is None else {**holder, "operations": told},
    }


def _step(step: Step, plan: Plan, veil: Veil, blame: Mapping[Source, Blame]) -> dict[str, Any]:
    return {
        "id": step.id,
        "key": plan.keys[step.id],
        "action": str(step.action),
        "address": str(step.address),
        "reason": step.reason,
        "fields": [{**_field(field, veil), "blame": _blame(field, blame)} for field in step.fields],
        "needs": list(step.needs),
    }


def _field(field: FieldChange, veil: Veil) -> dict[str, Any]:
    at = at_present(field.source) or field.source
    source = {"file": at.file, "line": at.line} if at else None
    return {"path": field.path, "before": veil.over(field.before), "after": veil.over(field.after), "source": source}


def _blame(field: FieldChange, blame: Mapping[Source, Blame]) -> dict[str, str] | None:
    found = blame.get(field.source) if field.source else None
    if found is None:
        return None
    return {"commit": found.commit, "author": found.author, "date": found.date, "summary": found.summary}
