"""The history of a target as text: a line or two a run, and one run with all that it did."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core.plan import Action
from reconciler.render.text import SYMBOLS
from reconciler.render.values import Veil, lines_text, one_line, printable

_SHORT = 12
_NO_COMMIT = "no commit"
_WHAT_NEXT = {
    "in progress": "",
    "cut off": "; the next apply settles what it had under way",
}


def history_text(history: Mapping[str, Any]) -> str:
    """The runs, newest first; an unfinished one says whether it is at work or was cut off."""
    runs = history["runs"]
    if not runs:
        return f"Nothing was run so far (target {history['target']})."
    return lines_text(line for run in runs for line in _listed(run))


def run_text(run: Mapping[str, Any]) -> str:
    """One run: its facts, then each operation with what it changed."""
    return lines_text([*_facts(run), "", *_operations(run["operations"]), *_inverse(run)])


def _listed(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"{run['id'][:_SHORT]}  {_time(run['started'])}  {run['outcome']}  {run['command']} by {run['user']}"
    yield f"              {_commit(run)}, plan {run['plan_digest'][:_SHORT] or 'none'}, {_counts(run)}"


def _facts(run: Mapping[str, Any]) -> Iterator[str]:
    yield f"run {run['id']}: {run['outcome']}{_WHAT_NEXT.get(run['outcome'], '')}"
    yield f"  command   {run['command']} (target {run['target']})"
    yield f"  by        {run['user']}@{run['host']}, pid {run['pid']}"
    yield f"  time      {_time(run['started'])} to {_time(run['finished'])}"
    yield f"  commit    {_commit(run)}{' by ' + run['author'] if run['author'] else ''}"
    yield f"  plan      {run['plan_digest'][:_SHORT] or 'none'}, {_counts(run)}"


def _commit(run: Mapping[str, Any]) -> str:
    if not run["commit"]:
        return _NO_COMMIT
    branch = f" on {run['branch']}" if run["branch"] else ""
    return f"{run['commit'][:_SHORT]}{' (dirty)' if run['dirty'] else ''}{branch}"


def _counts(run: Mapping[str, Any]) -> str:
    found: Mapping[str, int] = run["operations_by_outcome"]
    steps = f"{run['steps']} step{'' if run['steps'] == 1 else 's'}"
    told = ", ".join(f"{count} {outcome}" for outcome, count in found.items())
    return f"{steps}: {told}" if told else f"{steps}, none begun" if run["steps"] else steps


def _operations(operations: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    veil = Veil()  # What it is given is veiled already; it only shortens.
    for each in operations:
        yield f"  #{each['step']} {_symbol(each['action'])} {each['action']} {each['address']}: {_end(each)}"
        yield from _fields(each["fields"], veil, created=each["action"] == Action.CREATE)
        if each["message"]:
            yield f"       | {printable(each['message'])}"


def _inverse(run: Mapping[str, Any]) -> Iterator[str]:
    """What would have undone the run, as it was written down before the first step."""
    if run["inverse"] is None:
        yield from ("", "What would undo it was not written down.")
    elif run["inverse"]:
        yield from ("", "What would undo it, from where it was to lead:")
    for step in run["inverse"] or ():
        yield f"  #{step['id']} {_symbol(step['action'])} {step['action']} {step['address']} ({step['reason']})"
        yield from _fields(step["fields"], Veil(), created=step["action"] == Action.CREATE)


def _symbol(action: str) -> str:
    return SYMBOLS.get(Action(action), "~") if action in list(Action) else "~"


def _end(operation: Mapping[str, Any]) -> str:
    if operation["outcome"] is None:
        return f"begun {_time(operation['started'])}, without an end"
    return f"{operation['outcome']} ({_time(operation['started'])} to {_time(operation['finished'])})"


def _fields(fields: Iterable[Mapping[str, Any]], veil: Veil, *, created: bool) -> Iterator[str]:
    rows = [(field["path"], _change(field, veil, created=created)) for field in fields]
    width = max((len(path) for path, _ in rows), default=0)
    for path, change in rows:
        yield f"       {printable(path):<{width}}  {change}"


def _change(field: Mapping[str, Any], veil: Veil, *, created: bool) -> str:
    after = one_line(field["after"], veil)
    return after if created else f"{one_line(field['before'], veil)} -> {after}"


def _time(text: str | None) -> str:
    """A time to the second, as people read it."""
    return "(no end)" if not text else text.replace("T", " ").partition(".")[0].partition("+")[0].removesuffix("Z")
