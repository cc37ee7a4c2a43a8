"""A document of a known kind is checked: what YAML misread, the schema, the rules."""

from collections.abc import Mapping
from typing import Any

from reconciler.load.explain import Flaw, explained
from reconciler.load.references import secret_reference_flaws
from reconciler.load.rules import broken_rules, misread
from reconciler.load.schema import is_valid


def flaws(document: Any, written: Mapping[str, str], kind: str, platform: str) -> list[Flaw]:
    """Everything that is wrong with a document; of what is wrong with one field, what says most."""
    found = list(misread(document, written)) if written else []
    if not is_valid(document, kind, platform):
        _add(found, explained(document, written, kind, platform))
    _add(found, broken_rules(document, kind))
    _add(found, secret_reference_flaws(document, kind))
    return found


def _add(found: list[Flaw], more: Any) -> None:
    known = {flaw.path for flaw in found if flaw.path}
    found += [flaw for flaw in more if flaw.path not in known]
