"""Secrets in what the options of a command say, which a record would have as they stand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.core.amendment import Spelled
from reconciler.core.manifest import Source, origin_of
from reconciler.core.problem import Problem
from reconciler.kinds import KINDS
from reconciler.load.checking.literals import ALLOWED, looks_like
from reconciler.load.options import Override
from reconciler.load.overrides import SET, is_path, steps_of


def said_secrets(overrides: Iterable[Override], kind: str) -> Iterator[Problem]:
    """A problem for every option whose value looks like a secret, where its field would not be sealed.

    Args:
        overrides: what the command says of a resource.
        kind: of that.
    """
    sealed = (*KINDS[kind].secrets, *KINDS[kind].credentials)
    for each in overrides:
        path = ".".join(map(str, steps_of(each.path))) if is_path(each.path) else each.path
        for place, text in _texts(each.value, path):
            what = looks_like(f'{place.rpartition(".")[2]}: "{text}"')
            if what and not any(place == name or place.startswith(f"{name}.") for name in sealed):
                message = (
                    f"{each.path}: looks like {what}, which would be recorded and shown as it stands; leave it out"
                )
                hint = f", or if it is none write it in a file, in a line that ends with `# {ALLOWED}`"
                yield each.problem("E-SECRET", message + hint)
                break


def fields_said(spelled: Spelled) -> Iterator[Override]:
    """Every text that a command spells out, with its option."""
    given = {path: Source(option, 1) for path, option in spelled.options.items()}
    for path, text in _texts(spelled.document, ""):
        place = origin_of(path, given)
        yield Override("", path, text, place.file if place else SET)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text of a value, by its dotted path."""
    if isinstance(value, str):
        yield path, value
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _texts(item, f"{path}.{key}" if path else str(key))
