"""A document of a known kind is checked: what YAML misread, the schema, the rules."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from reconciler.load.checking.explain import explained
from reconciler.load.checking.flaw import Flaw
from reconciler.load.checking.references import secret_reference_flaws
from reconciler.load.checking.rules import broken_rules, misread
from reconciler.load.schema import is_valid

MOST = 1000
"""Of so many problems each is told; who made more of them made one mistake, and some take long to explain."""


def flaws(document: Any, written: Mapping[str, str], kind: str, platform: str) -> list[Flaw]:
    """Everything that is wrong with a document; of what is wrong with one field, what says most."""
    found = list(islice(misread(document, written), MOST + 1)) if written else []
    if not is_valid(document, kind, platform):
        _add(found, explained(document, written, kind, platform))
    _add(found, broken_rules(document, kind))
    _add(found, secret_reference_flaws(document, kind))
    return found


def _add(found: list[Flaw], more: Iterable[Flaw]) -> None:
    known = {flaw.path for flaw in found if flaw.path}
    found += [flaw for flaw in islice(more, MOST + 1) if flaw.path not in known]
