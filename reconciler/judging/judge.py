"""Which policies are in force, what is wrong with them, and what they say of a plan."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.core.blame import Blame
from reconciler.core.bylaw import Bylaw, Bylaws
from reconciler.core.manifest import Source
from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.errors import ManifestError, RefusedError
from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.settings.config import Target

if TYPE_CHECKING:
    from reconciler.judging.contexts import About

ELSEWHERE = "MLOPS_POLICIES"
"""Where policies are taken from in place of the checkout's own: a folder, or `REV:PATH`."""

FOLDER = "policies"
"""Beside mlops.yaml; it need not be there."""

_AUTHOR = pattern(r"\b(author|commit)\b")
_EACH = 20
_LONGEST = 400
_KEYS = {"test": ("deny_if", "warn_if"), "message": ("message_expression",)}


@dataclass(frozen=True)
class Occasion:
    """When a plan is judged.

    Args:
        command: `plan`, `apply`, `destroy`, `rollback`.
        root: the repository.
        target: what it is for.
        blames: who wrote the lines that fields come from, as far as that is known.
    """

    command: str
    root: Path
    target: Target
    blames: Mapping[Source, Blame] = field(default_factory=dict)


def in_force(
    root: Path, elsewhere: str = "", *, environ: Mapping[str, str] = os.environ, cached: bool = True
) -> Bylaws:
    """The policies that count: those of the checkout, or in their place those that the operator names.

    What the checkout says otherwise is told, as it counts only once it is where the others were taken from.

    Raises:
        ManifestError: what the operator names is not there.
    """
    elsewhere = elsewhere or environ.get(ELSEWHERE, "")
    folder = root / FOLDER
    if not elsewhere and not os.path.lexists(folder):
        return Bylaws()
    from reconciler.load.settings.bylaws import differences, has_none, read_bylaws  # noqa: PLC0415 - only who has policies needs it

    own = read_bylaws(os.path.relpath(folder), within=root) if os.path.lexists(folder) else Bylaws()
    if not elsewhere:
        return own
    none = has_none(elsewhere, FOLDER, start=str(root), cached=cached)
    theirs = Bylaws() if none else read_bylaws(elsewhere, start=str(root), cached=cached)
    told = [_told(each, what, elsewhere) for each, what in differences(own.found, theirs.found)]
    wrong = [replace(each, code="W-BYLAW", message=f"{each.message}; it is not in force") for each in own.problems]
    return Bylaws(theirs.found, (*theirs.problems, *told, *wrong))


def _told(bylaw: Bylaw, what: str, elsewhere: str) -> Problem:
    where = f"those of {elsewhere} are"
    message = f"policy {bylaw.name} {what} in this checkout, whose policies are not in force: {where}"
    return Problem(bylaw.place.file, bylaw.place.line, bylaw.place.column, "W-BYLAW", message)


def mistakes(
    root: Path, elsewhere: str = "", *, environ: Mapping[str, str] = os.environ, cached: bool = True
) -> Iterator[Problem]:
    """What is wrong with the policies that are in force, and with the checkout's own, which are to be some day."""
    own, force = in_force(root, environ={}), in_force(root, elsewhere, environ=environ, cached=cached)
    yield from (*force.problems, *flaws_of(force.found))
    if force.found != own.found or force.problems != own.problems:
        yield from (*own.problems, *flaws_of(own.found))


def ask_for_authors(bylaws: Sequence[Bylaw]) -> bool:
    """Whether one of the policies looks at who wrote a field, so that git is to be asked for it."""
    return any(_AUTHOR.search(f"{each.test} {each.message_expression}") for each in bylaws)


def flaws_of(bylaws: Sequence[Bylaw]) -> Iterator[Problem]:
    """What is wrong with expressions, as far as they tell by themselves and over a plan that is made up."""
    if not bylaws:
        return
    from reconciler.judging.asking import asked  # noqa: PLC0415 - only who has policies needs it
    from reconciler.judging.contexts import VARIABLES, sample, subjects  # noqa: PLC0415 - as above

    everywhere = [subject for subject, _ in subjects(sample(), bylaws, {})]
    answer = asked(bylaws, everywhere, _shared("plan", "prod", "memory"), VARIABLES, always=True)
    yield from _flaws(bylaws, answer.flaws)
    if answer.broken is not None:
        yield _problem(bylaws[answer.broken], "test", f"cannot be evaluated: {answer.why}")
    wrong = {(each.bylaw, each.kind.removeprefix("wrong ")): each.words for each in answer.said if "wrong" in each.kind}
    for (index, key), words in wrong.items():
        yield _problem(bylaws[index], key, words)


def judged(plan: Plan, bylaws: Sequence[Bylaw], occasion: Occasion) -> tuple[Problem, ...]:
    """What the policies warn of in a plan; one without steps is not asked about.

    Raises:
        RefusedError: a policy denies it, or one that may cannot be evaluated.
        ManifestError: an expression is none.
    """
    target = occasion.target
    meant = [each for each in bylaws if not each.targets or target.name in each.targets]
    if not meant or not plan.steps:
        return ()
    from reconciler.judging.asking import asked  # noqa: PLC0415 - only who has policies needs it
    from reconciler.judging.contexts import VARIABLES, subjects, used  # noqa: PLC0415 - as above

    pairs = list(subjects(plan, meant, occasion.blames))
    shared = _shared(occasion.command, target.name, target.provider)
    if used("checkout", meant):
        shared = {**shared, "checkout": _checkout(occasion.root)}
    shared = {name: value for name, value in shared.items() if used(name, meant)}
    answer = asked(meant, [subject for subject, _ in pairs], shared, VARIABLES)
    if answer.flaws:
        raise ManifestError(list(_flaws(meant, answer.flaws)))
    found = [_finding(meant[each.bylaw], pairs[each.subject][1], each.kind, each.words) for each in answer.said]
    if answer.broken is not None:
        found.append(_problem(meant[answer.broken], "test", f"cannot be evaluated: {answer.why}"))
    return _accepted(found, plan)


def _accepted(found: Sequence[Problem], plan: Plan) -> tuple[Problem, ...]:
    if any(problem.is_error for problem in found):
        raise RefusedError("\n".join(map(str, _some(found))), problems=found, plan=plan)
    return tuple(_some(found))


def _some(found: Sequence[Problem]) -> Iterator[Problem]:
    """Of each policy the first findings, and how many more there are."""
    for _, each in groupby(sorted(found, key=_policy), key=_policy):
        some = list(each)
        yield from islice(some, _EACH)
        if len(some) > _EACH:
            last, more = some[-1], f"{_policy(some[-1])} says so of {len(some) - _EACH} more"
            yield Problem(last.file, last.line, last.column, last.code, more)


def _policy(problem: Problem) -> str:
    """`policy NAME (PLACE)`, with which the message of a finding begins."""
    return problem.message.partition(")")[0] + ")"


def _finding(bylaw: Bylaw, about: "About", kind: str, words: str) -> Problem:
    """What a policy says of a subject, at the place of what it is about."""
    at = about.source or bylaw.place
    if kind == "found":
        said = words or bylaw.message or bylaw.description or bylaw.test
        does = "denies" if bylaw.denies else "warns of"
        code = "E-DENIED" if bylaw.denies else "W-BYLAW"
    else:
        said, does = words, "cannot be evaluated for"
        code = "E-BYLAW" if bylaw.denies else "W-BYLAW"
    message = f"policy {bylaw.name} ({bylaw.place}) {does} {about.words}: {_short(said)}"
    return Problem(at.file, at.line, at.column, code, message)


def _flaws(bylaws: Sequence[Bylaw], flaws: Sequence[tuple[int, str, str]]) -> Iterator[Problem]:
    for index, key, words in flaws:
        yield _problem(bylaws[index], key, words)


def _problem(bylaw: Bylaw, key: str, words: str) -> Problem:
    """What is wrong with an expression, at its place."""
    name = next(each for each in _KEYS[key] if each in bylaw.places)
    at = bylaw.places[name]
    return Problem(at.file, at.line, at.column, "E-BYLAW", f"policy {bylaw.name}: {name}: {_short(words)}")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _shared(command: str, target: str, provider: str) -> dict[str, Any]:
    checkout = {"commit": "", "branch": "", "author": "", "dirty": False}
    return {"command": command, "target": {"name": target, "provider": provider}, "checkout": checkout}


def _checkout(root: Path) -> dict[str, Any]:
    from reconciler.load.repository.commit import commit_facts  # noqa: PLC0415 - git is asked where a policy asks for it

    facts = commit_facts(root)
    return {"commit": facts.commit, "branch": facts.branch, "author": facts.author, "dirty": facts.dirty}
