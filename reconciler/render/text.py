"""Plans, drifts and outcomes as text for a terminal and a log; without colour, which the caller may add."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.core.blame import NOBODY, Blame
from reconciler.core.holder import holder_text
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, Became, FieldChange, Outcome, Plan, Recovery, Result, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.values import Veil, lines_text, printable

if TYPE_CHECKING:
    from reconciler.core.failure import Failure

SYMBOLS = {Action.CREATE: "+", Action.DELETE: "-"}
_VERBS = {
    Action.CREATE: "to create",
    Action.SCALE: "to scale",
    Action.ROLL_OUT: "to roll out",
    Action.UPDATE: "to update",
    Action.ROUTE: "to route",
    Action.DELETE: "to delete",
}
_NAMED = 5
_FOUND = {
    Became.DONE: "as it looks, it was done",
    Became.NOT_DONE: "as it looks, it was not done",
    Became.IN_PART: "as it looks, it was done in part",
    Became.OTHER: "as it looks, something else is there now",
}
_DRIFT_SYMBOLS = {
    DriftClass.CHANGED: "~",
    DriftClass.MISSING: "-",
    DriftClass.UNMANAGED: "?",
    DriftClass.LABEL: "@",
    DriftClass.EXPECTED: "=",
}


def plan_text(
    plan: Plan, *, blame: Mapping[Source, Blame] = NOBODY, command: str = "plan", refused: bool = False
) -> str:
    """The plan as a person reads it before saying yes; beside the places those who last wrote there."""
    veil = Veil()
    lines = list(unfinished_lines(plan.recovery, plan.holder, veil))
    lines += _steps(plan.steps, veil, blame) if plan.steps else []
    lines += [f"  pin:  {label} is {pinned}" for label, pinned in sorted(plan.pins.items())]
    lines += [f"  {by_command_words(plan)}"] if plan.by_command else []
    return lines_text([*lines, *([""] if lines else []), summary(plan, command=command, refused=refused)])


def _steps(steps: Iterable[Step], veil: Veil, blame: Mapping[Source, Blame]) -> Iterator[str]:
    """Each step in a line, and below it its fields."""
    from reconciler.render.field_table import field_table  # noqa: PLC0415 - most plans have no steps

    for step in steps:
        yield f"  {headline(step)}"
        yield from field_table(step.fields, veil, blame, created=step.action is Action.CREATE)


def by_command_words(plan: Plan, *, named: Callable[[str], str] = str) -> str:
    """The versions that a command registered and no file defines, in one sentence; `named` writes the names in it."""
    found = plan.by_command
    names = ", ".join(named(str(address)) for address in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{len(found)} registered by command, not in the files: {names}{more}"


def unfinished_lines(
    under_way: Sequence[Recovery], holder: Mapping[str, str | int] | None, veil: Veil
) -> Iterator[str]:
    """Who is at work, or what a run left without an end."""
    if holder is not None:
        yield f"  ! {in_progress(holder, under_way)}"
        return
    if not under_way:
        return
    from reconciler.render.field_table import field_table  # noqa: PLC0415 - as above

    for item in under_way:
        yield f"  ! recover {item.address} ({recovery_words(item)})"
        yield from field_table(item.fields, veil, NOBODY, created=False)


def in_progress(holder: Mapping[str, str | int], under_way: Iterable[Recovery]) -> str:
    """Who is at work on the target, and at what."""
    what = ", ".join(f"{item.action} {item.address}" for item in under_way)
    return printable(f"in progress by {holder_text(holder)}{f': {what}' if what else ''}")


def recovery_words(item: Recovery) -> str:
    """What an apply will do about an operation that was cut off, and find."""
    found = f"; {_FOUND[item.became]}" if item.became else ""
    return f"{item.action} of {item.started} has no end; apply looks at what is there first{found}"


def headline(step: Step) -> str:
    """One step in one line: number, symbol, action, address, reason, and what it waits for."""
    waits = f", after {' '.join(f'#{need}' for need in step.needs)}" if step.needs else ""
    return f"#{step.id} {SYMBOLS.get(step.action, '~')} {step.action} {step.address} ({step.reason}{waits})"


def summary(plan: Plan, *, named: Callable[[str], str] = str, command: str = "plan", refused: bool = False) -> str:
    """The plan in one sentence.

    Args:
        plan: what is to be done.
        named: writes the names in it.
        command: whose plan it is.
        refused: whether it may not be done, so that a plan without steps is none that has nothing to do.
    """
    found = Counter(step.action for step in plan.steps)
    counts = [f"{found[action]} {verb}" for action, verb in _VERBS.items() if found[action]]
    compared = (
        f", against {named(plan.against)}" if plan.against else ", against its record alone" if plan.offline else ""
    )
    where = f"target {named(plan.target)}{compared}"
    if refused:
        return f"Plan refused: {', '.join(counts) or 'it has no steps'} ({where})."
    if not counts and not plan.recovery and plan.holder is None:
        return f"No changes. {_as_wanted(plan.unchanged, command)} ({where})."
    return f"Plan: {', '.join(counts) or 'nothing to change'}; {plan.unchanged} unchanged ({where})."


def outcome_line(outcome: Outcome) -> str:
    """What one step did, in one line."""
    step = f"#{outcome.step.id} {outcome.step.action} {outcome.step.address}"
    if outcome.result is Result.SUCCEEDED:
        return f"{step}: done in {outcome.seconds:.1f} s"
    return f"{step}: {outcome.result}: {printable(outcome.message)}"


def failure_lines(outcome: Outcome) -> list[str]:
    """What a step did that did not succeed, with the last lines of its logs; nothing of one that did."""
    if outcome.result not in (Result.FAILED, Result.UNKNOWN):
        return []
    return [outcome_line(outcome), *(f"    | {printable(line)}" for line in outcome.log_tail)]


def outcomes_text(outcomes: Sequence[Outcome], *, command: str = "apply") -> str:
    """The end of a command in one sentence, before it what did not succeed with the last lines of its logs."""
    lines = [line for outcome in outcomes for line in failure_lines(outcome)]
    return lines_text([*lines, counted(outcomes, command=command)])


def counted(outcomes: Sequence[Outcome], *, command: str = "apply") -> str:
    """How many steps of a command ended how."""
    counts = {result: sum(outcome.result is result for outcome in outcomes) for result in Result}
    return f"{command.capitalize()}: {', '.join(f'{count} {result}' for result, count in counts.items() if count)}."


def problems_text(problems: Sequence[Problem], *, resources: int) -> str:
    """Every problem in a line, and how many there are."""
    return lines_text([*map(str, problems), problems_summary(problems, resources=resources)])


def problems_summary(problems: Sequence[Problem], *, resources: int) -> str:
    """How many errors and warnings there are in how many resources."""
    errors = sum(problem.is_error for problem in problems)
    warnings = len(problems) - errors
    return f"{_some(resources, 'resource')}: {_some(errors, 'error')}, {_some(warnings, 'warning')}"


def failure_text(failure: "Failure") -> str:
    """Why a command came to nothing."""
    said = failure.message.splitlines()
    return lines_text([f"mlops {failure.command} failed (exit code {failure.exit_code}):", *said])


def drift_text(
    drifts: Sequence[Drift],
    *,
    recorded: int,
    target: str,
    recovery: Sequence[Recovery] = (),
    holder: Mapping[str, str | int] | None = None,
) -> str:
    """What changed behind git's back, per field with the recorded and the live value."""
    veil = Veil()
    lines = list(unfinished_lines(recovery, holder, veil))
    for drift in drifts:
        lines += drift_lines(drift, veil)
    said = drift_summary(drifts, recorded=recorded, target=target)
    return lines_text([*lines, *([""] if lines else []), *said])


def drift_lines(drift: Drift, veil: Veil) -> Iterator[str]:
    """One resource that is not as recorded, with a line a field."""
    note = f" ({printable(drift.note)})" if drift.note else ""
    yield f"  {_DRIFT_SYMBOLS[drift.kind]} {drift.address}: {drift.kind}{note}"
    words = drift_words(drift.kind)
    for path, change in _rows(drift.fields, veil):
        before, arrow, after = change.partition(" -> ")
        yield f"      {path}: {words[0]} {before}, {words[1]} {after}" if arrow else f"      {path}: {change}"


def drift_words(kind: DriftClass) -> tuple[str, str]:
    """What a drifted field's two values are called."""
    return ("pinned", "now") if kind is DriftClass.LABEL else ("recorded", "live")


def drift_summary(
    drifts: Sequence[Drift], *, recorded: int, target: str, named: Callable[[str], str] = str
) -> Iterator[str]:
    """A drift report in a sentence or two; `named` writes the names in it."""
    target = named(target)
    mended = sum(drift.kind in (DriftClass.CHANGED, DriftClass.MISSING) for drift in drifts)
    strange = sum(drift.kind is DriftClass.UNMANAGED for drift in drifts)
    moved = sum(drift.kind is DriftClass.LABEL for drift in drifts)
    if mended:
        yield f"Drift: {mended} of {recorded} recorded resources (target {target})."
        yield "`mlops plan` shows how apply mends it."
    if strange:
        yield f"{strange} live {'object is' if strange == 1 else 'objects are'} in no record of target {target}."
        yield "`mlops plan` tells what becomes of this state's own; `mlops import` takes over the rest."
    if moved:
        yield f"{moved} {'resource was' if moved == 1 else 'resources were'} pinned from a label that has moved since."
        yield "`mlops plan` shows what the version of now would change."
    if not mended and not strange and not moved:
        yield f"No drift. {_unchanged(recorded)} as recorded (target {target})."


def _rows(fields: Iterable[FieldChange], veil: Veil) -> Iterator[tuple[str, str]]:
    from reconciler.render.fields import field_lines  # noqa: PLC0415 - as above

    for field in fields:
        yield from field_lines(field, veil)


def _as_wanted(unchanged: int, command: str) -> str:
    """Why a command has nothing to do."""
    if command == "destroy":
        return "There is nothing to destroy"
    return f"{_unchanged(unchanged)} as {'they were' if command == 'rollback' else 'the manifests say'}"


def _unchanged(count: int) -> str:
    return f"{count} resource is" if count == 1 else f"{count} resources are"


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
