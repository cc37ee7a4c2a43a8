"""What is known of the runs of a target: who, when, from which commit, what each did and how it ended."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.inverse import Inverse
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.diff.fields import differing
from reconciler.errors import MlopsError
from reconciler.record.store import Journalled, Run, Store
from reconciler.render.values import Veil

VERSION = 1
IN_PROGRESS, CUT_OFF = "in progress", "cut off"
LAST = "last"
_SHORTEST = 4
RECORD_ALONE = frozenset({"import", "state rebuild"})
"""Commands whose runs changed what is recorded and nothing live, so that there is nothing to undo."""
_WITHOUT_EFFECT = frozenset({"failed", "not begun", "recovered as not done"})


def history(store: Store, target: str, *, limit: int) -> dict[str, Any]:
    """The last runs of a target, newest first.

    Args:
        store: its record.
        target: its name.
        limit: how many runs at the most.
    """
    runs, held = seen_runs(store, limit=limit)
    told = [run_json(run, held, _ends(store, run)) for run in runs]
    return {"version": VERSION, "target": target, "runs": told}


def shown_run(store: Store, target: str, name: str) -> dict[str, Any]:
    """One run with all that it did.

    Args:
        store: the record.
        target: its name.
        name: the run's id, the begin of it that no other has, or `last`.

    Raises:
        MlopsError: there is no such run, or more than one.
    """
    runs, held = seen_runs(store, limit=sys.maxsize)
    run = run_of(runs, name, target)
    veil, operations, inverse = Veil(), store.operations(run.id), store.inverse(run.id)
    return {
        "version": VERSION,
        "target": target,
        **run_json(run, held, _counted(operations)),
        "operations": [_operation_json(item, veil) for item in operations],
        "inverse": None if inverse is None else [_step_json(step, inverse, veil) for step in inverse.steps],
    }


def run_of(runs: Sequence[Run], name: str, target: str) -> Run:
    """The run that is meant by an id, the begin of one, or `last`.

    Raises:
        MlopsError: there is no such run, or more than one.
    """
    found = runs[:1] if name == LAST else [run for run in runs if run.id == name]
    found = found or [run for run in runs if len(name) >= _SHORTEST and run.id.startswith(name)]
    if not found and 0 < len(name) < _SHORTEST:
        raise MlopsError(f"{name} is too short for a run; write at least {_SHORTEST} characters of its id, or `last`")
    if not found:
        raise MlopsError(f"target {target} has no run {name}; `mlops history --target {target}` lists its runs")
    if len(found) > 1:
        some = ", ".join(run.id for run in found[:3])
        raise MlopsError(f"{len(found)} runs of target {target} begin with {name}: {some}; write more of the id")
    return found[0]


def seen_runs(store: Store, *, limit: int) -> tuple[tuple[Run, ...], Mapping[str, str | int] | None]:
    """The last runs, newest first, and who holds the lock: where nobody does, a run without an outcome was cut off."""
    runs, held = store.runs(limit=limit), store.holder()
    if held is None and any(not run.outcome for run in runs):
        runs = store.runs(limit=limit)  # One of them may have ended between the two looks.
    return runs, held


def how_ended(run: Run, held: Mapping[str, str | int] | None) -> str:
    """A run's outcome; for one that has none, whether it is at work or was cut off."""
    if run.outcome:
        return run.outcome
    at_work = held is not None and (not held or (held.get("host"), held.get("pid")) == (run.host, run.pid))
    return IN_PROGRESS if at_work else CUT_OFF


def run_json(run: Run, held: Mapping[str, str | int] | None, ends: Mapping[str, int]) -> dict[str, Any]:
    """A run in JSON values, with what became of its operations, counted."""
    return {
        "id": run.id,
        "command": spoken(run.command),
        "outcome": how_ended(run, held),
        "started": run.started,
        "finished": run.finished or None,
        "user": run.user,
        "host": run.host,
        "pid": run.pid,
        "commit": run.commit,
        "tree": run.tree,
        "branch": run.branch,
        "author": run.author,
        "dirty": run.dirty,
        "plan_digest": run.plan_digest,
        "steps": run.steps or sum(ends.values()),
        "operations_by_outcome": dict(ends),
        "paths": list(run.origin.paths),
        "back_to": run.origin.back_to or None,
    }


def _ends(store: Store, run: Run) -> Mapping[str, int]:
    """How many operations ended how; of a run that succeeded the journal need not be read for that."""
    return {"succeeded": run.steps} if run.outcome == "succeeded" and run.steps else _counted(store.operations(run.id))


def _counted(operations: Sequence[Journalled]) -> Mapping[str, int]:
    return dict(sorted(Counter(item.outcome or "without an end" for item in operations).items()))


def changed_something(store: Store, run: Run) -> bool:
    """Whether a run made anything another than it was recorded before, or may have: to put right what had drifted,
    as a watch does by itself, leaves nothing to undo.
    """
    inverse = store.inverse(run.id)
    if run.command in RECORD_ALONE or (inverse is not None and not inverse.steps):
        return False
    if run.outcome == "succeeded" and run.steps:
        return True
    return any(row.outcome not in _WITHOUT_EFFECT for row in store.operations(run.id))


def spoken(command: str) -> str:
    """A command as a user types it."""
    return command if command.startswith("mlops ") else f"mlops {command}"


def _operation_json(item: Journalled, veil: Veil) -> dict[str, Any]:
    intent = item.intent
    return {
        "operation": intent.operation,
        "step": intent.step,
        "action": intent.action,
        "address": str(intent.address),
        "generation": intent.generation,
        "started": intent.started,
        "finished": item.finished or None,
        "outcome": item.outcome or None,
        "message": item.message,
        "fields": [field_json(field, veil) for field in _fields(item)],
    }


def _step_json(step: Step, inverse: Inverse, veil: Veil) -> dict[str, Any]:
    """A step of an inverse; what it makes anew has the fields that were recorded."""
    made = inverse.specs.get(step.address) or {} if step.action is Action.CREATE else {}
    fields = step.fields or [FieldChange(*found) for found in differing({}, made)]
    return {
        "id": step.id,
        "action": str(step.action),
        "address": str(step.address),
        "reason": step.reason,
        "fields": [field_json(field, veil) for field in fields],
        "needs": list(step.needs),
    }


def field_json(field: FieldChange, veil: Veil) -> dict[str, Any]:
    """A field before and after, without a secret."""
    return {"path": field.path, "before": veil.over(field.before), "after": veil.over(field.after)}


def _fields(item: Journalled) -> list[FieldChange]:
    """What an operation was to change; all fields of what it was to make, none of what it was to delete."""
    if item.intent.after is None:
        return []
    return [FieldChange(*found) for found in differing(item.intent.before or {}, item.intent.after)]
