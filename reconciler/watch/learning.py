"""What the record teaches a watcher: a rollback takes a commit back, and a run that failed was its one try."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from reconciler.core.plan import Plan, plan_body
from reconciler.record.store import Run
from reconciler.watch.kept import Memory


def learned(memory: Memory, runs: Sequence[Run], plan: Plan, *, commit: str, former: str) -> Memory:
    """The memory with what the record tells.

    Args:
        memory: before.
        runs: the last ones, newest first.
        plan: as it is now.
        commit: that counts now.
        former: that counted in the round before.
    """
    if rollback := _rollback(memory, runs):
        undone = commit if commit in rollback.origin.took_back else former
        memory = replace(memory, undone_by=rollback.id, undone=undone, in_force="", in_force_tree="")
    if failure := _failure(memory, runs, commit):
        memory = replace(memory, judged=failure.id, tried=commit, tried_plan=mark(plan))
    return memory


def has_news(memory: Memory, runs: Sequence[Run], commit: str) -> bool:
    """Whether the record tells of a commit what is not remembered."""
    return bool(_rollback(memory, runs) or _failure(memory, runs, commit))


def _rollback(memory: Memory, runs: Sequence[Run]) -> Run | None:
    """The last run, if it is a rollback that was not heard of."""
    last = runs[0] if runs else None
    return last if last and command_of(last) == "rollback" and last.id != memory.undone_by else None


def _failure(memory: Memory, runs: Sequence[Run], commit: str) -> Run | None:
    """The last run of a watcher, if it is of the commit, failed, and was not heard of."""
    ours = next((run for run in runs if command_of(run) == "watch"), None)
    failed = ours and ours.outcome == "failed" and ours.commit == commit and ours.id != memory.judged
    return ours if failed else None


def command_of(run: Run) -> str:
    """The command of a run, without the program's name."""
    return run.command.removeprefix("mlops ")


def mark(plan: Plan) -> str:
    """What tells a plan from others: what was read, and what it comes to on what is live."""
    body = plan_body(plan)
    told = json.dumps([body["tree"], body["steps"], body["pins"]], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
