"""The words of a generic update, `--set`, `--add` and `--remove`, become an amendment; and what it costs to make it."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.address import Address
from reconciler.core.amendment import Amendment
from reconciler.core.plan import Action, Plan, Step
from reconciler.core.problem import Problem
from reconciler.core.secret import secrets_of
from reconciler.errors import ManifestError, RefusedError
from reconciler.kinds import KINDS
from reconciler.load.overrides import parse_field, value_of


def amendment_of(
    address: Address,
    *,
    sets: Sequence[str] = (),
    adds: Sequence[str] = (),
    removes: Sequence[str] = (),
    literal: bool = False,
) -> Amendment:
    """What a command changes of a recorded resource, as the Azure CLI's generic update has it.

    Args:
        address: of the resource.
        sets: `FIELD=VALUE`.
        adds: a list and what is added to it, shell-quoted: `LIST VALUE`, or `LIST NAME=VALUE NAME=VALUE`, one object.
        removes: fields, shell-quoted; a number behind one is the item of a list.
        literal: whether values are text, whatever they look like.

    Raises:
        ManifestError: one of them has another form.
    """
    values = [parse_field(text, literal=literal) for text in sets]
    added = [pair for text in adds for pair in _added(shlex.split(text), literal=literal)]
    removed = [path for text in removes for path in _removed(shlex.split(text))]
    return Amendment(
        address, tuple((each.path, each.value) for each in values), removed=tuple(removed), added=tuple(added)
    )


def replacements(plan: Plan) -> tuple[Step, ...]:
    """The deletions of a plan after which the same is made anew; until it is back nobody answers for it."""
    made = {step.address for step in plan.steps if step.action is Action.CREATE}
    return tuple(step for step in plan.steps if step.action is Action.DELETE and step.address in made)


def refuse_loss(plan: Plan) -> None:
    """Refuse to delete what cannot be made anew, as nobody else has the values of its variables.

    Raises:
        RefusedError: there is such a thing.
    """
    going = {step.address for step in replacements(plan)}
    for step in plan.steps:
        lost = _unknown(step) if step.action is Action.CREATE and step.address in going else []
        if lost:
            raise RefusedError(
                f"{step.address} would be deleted and could not be made anew: the values of {', '.join(lost)} are not "
                "recorded, what runs alone knows them; give a --file with them, or each with --set"
            )


def _unknown(step: Step) -> list[str]:
    """The secrets of what a step makes whose values are not at hand."""
    spec, kind = step.after or {}, KINDS[step.address.kind]
    named = {f"{field}.{name}": value for field in kind.secrets for name, value in spec.get(field, {}).items()}
    named |= {field: spec.get(field.partition(".")[0]) for field in kind.credentials}
    return [name for name, value in named.items() if any(each.value is None for each in secrets_of(value))]


def _added(words: Sequence[str], *, literal: bool) -> Iterator[tuple[str, Any]]:
    """A list, and each of the items that are added to it; pairs that stand together are one."""
    if len(words) < 2:
        raise _wrong("--add", "takes a list and what is added to it; write for example --add LIST NAME=VALUE")
    path, *rest = words
    pairs: dict[str, str] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if equals:
            pairs[name] = value
            continue
        if pairs:
            yield path, pairs
            pairs = {}
        yield path, word if literal else value_of(word)
    if pairs:
        yield path, pairs


def _removed(words: Sequence[str]) -> Iterator[str]:
    """Fields; of a list with a number behind it, the item."""
    if not words or words[0].isdigit():
        raise _wrong("--remove", "takes a field; write for example --remove tags.team, or --remove LIST 0")
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if not word.isdigit():
            yield f"{word}[{following}]" if following.isdigit() else word


def _wrong(option: str, message: str) -> ManifestError:
    return ManifestError([Problem(option, 1, 1, "E-SET", f"{option} {message}")])
