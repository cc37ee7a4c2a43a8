"""`${{secret:NAME}}` in a deployment's variable or a conda file: the value of the variable `MLOPS_SECRET_NAME`.

The name's letters become capitals, its dots and dashes underscores. Only variables of that prefix can be asked for, so
that a manifest gets at nothing else that a run was given. `${{…}}` of any other kind is Azure's and is left as it is.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from reconciler.core.manifest import Manifest
from reconciler.core.problem import Problem
from reconciler.core.secret import HIDDEN, Hidden, with_texts
from reconciler.kinds import KINDS
from reconciler.late import pattern
from reconciler.load.checking.flaw import Flaw
from reconciler.load.checking.rules import field as field_of
from reconciler.load.checking.rules import put

PREFIX = "MLOPS_SECRET_"

# GitHub's `${{ secrets.NAME }}` and the like are meant so, too, and would else be deployed as the text that they are.
_MEANT = pattern(r"\$\{\{\s*secrets?\s*[:.]", re.IGNORECASE)
_FORM = "write ${{secret:NAME}}, a name of letters, digits, dots, dashes and underscores"
_REFERENCE = pattern(r"\$\{\{\s*secret:(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)\s*\}\}")


def secret_reference_flaws(document: Any, kind: str) -> Iterator[Flaw]:
    """References that stand where none is taken, or that have another form."""
    for path, text in _texts(document, ""):
        meant = len(_MEANT.findall(text))
        taken = (*KINDS[kind].secrets, *KINDS[kind].credentials)
        if meant and not any(path == name or path.startswith(f"{name}.") for name in taken):
            where = " or ".join(sorted(KINDS[kind].secrets)) or "a deployment's environment_variables"
            yield Flaw(path, "E-SECRET-REF", f"{path}: a secret would be shown here; write it in {where}")
        elif meant != len(_REFERENCE.findall(text)):
            yield Flaw(path, "E-SECRET-REF", f"{path}: {_FORM}")


def with_secrets(
    manifests: Sequence[Manifest], environ: Mapping[str, str], asked: set[str] | None = None
) -> tuple[tuple[Manifest, ...], list[Problem]]:
    """The manifests with the values of their references, and those that do not resolve.

    Args:
        manifests: as they are written.
        environ: holds the values.
        asked: gets the names of the variables that are asked for.
    """
    problems: list[Problem] = []
    values = _Noting(environ, set() if asked is None else asked)
    return tuple(_with_values(manifest, values, problems) for manifest in manifests), problems


class _Noting(dict[str, str]):
    """An environment that notes what it is asked for."""

    def __init__(self, environ: Mapping[str, str], asked: set[str]) -> None:
        super().__init__(environ)
        self._asked = asked

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # values are texts, and so is no value
        self._asked.add(name)
        return super().get(name, default)


def variable_of(name: str) -> str:
    """The environment variable that holds a secret."""
    return PREFIX + re.sub("[.-]", "_", name).upper()


def _with_values(manifest: Manifest, environ: Mapping[str, str], problems: list[Problem]) -> Manifest:
    document = manifest.document
    for field in KINDS[manifest.kind].secrets if manifest.valid else ():
        written = document.get(field) or {}
        if any(isinstance(text, str) and _MEANT.search(text) for text in written.values()):
            values = {
                name: _valued(manifest, f"{field}.{name}", text, environ, problems) for name, text in written.items()
            }
            document = {**document, field: values}
    for path in KINDS[manifest.kind].credentials if manifest.valid else ():
        written = field_of(document, path)
        if any(_MEANT.search(text) for _, text in _texts(written, "")):
            document = put(document, path, with_texts(written, partial(_hidden, manifest, path, environ, problems)))
    return manifest if document is manifest.document else replace(manifest, document=document)


def _valued(manifest: Manifest, path: str, text: Any, environ: Mapping[str, str], problems: list[Problem]) -> Any:
    """A variable's text with its references' values; an empty one is what a CI gives for a secret that is not there."""

    def value(found: re.Match[str]) -> str:
        held = environ.get(variable_of(found["name"]), "")
        if not held:
            message = f"secret {found['name']!r} not found in source env; set {variable_of(found['name'])}"
            problems.append(manifest.problem(path, "E-SECRET-REF", message))
        return held

    return _REFERENCE.sub(value, text) if isinstance(text, str) else text


def _hidden(manifest: Manifest, path: str, environ: Mapping[str, str], problems: list[Problem], text: str) -> str:
    """A text of a conda file with its references' values, which are hidden."""
    if len(_MEANT.findall(text)) != len(_REFERENCE.findall(text)):
        problems.append(manifest.problem(path, "E-SECRET-REF", f"{path}: {_FORM}"))
    if not _REFERENCE.search(text):
        return text
    return Hidden(_valued(manifest, path, text, environ, problems), _REFERENCE.sub(HIDDEN, text))


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text of a document that holds a reference's beginning, by its dotted path."""
    if isinstance(value, str):
        if "${{" in value:
            yield path, value
        return
    items = value.items() if isinstance(value, (dict, Mapping)) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        # Of a large folder most items are texts that hold none.
        if "${{" in item if isinstance(item, str) else isinstance(item, (dict, list, Mapping)):
            yield from _texts(item, f"{path}.{key}" if path else str(key))
