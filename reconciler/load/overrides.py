"""Fields given from outside: `--set ADDRESS.path=value`, `mlops.yaml`, `--name` and `--endpoint-name`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.manifest import Source
from reconciler.core.problem import Problem
from reconciler.core.words import did_you_mean
from reconciler.errors import ManifestError
from reconciler.late import pattern
from reconciler.load.options import Options, Override
from reconciler.load.schema import fields_of
from reconciler.load.yaml.nodes import MAX_DEPTH
from reconciler.load.yaml.parsed import Document

SET = "--set"

_SET = pattern(
    r"(?P<address>endpoint/[^./=\s]+|deployment/[^./=\s]+/[^./=\s]+"
    r"|(?:model|environment)/(?:[^:=/\s]+:[^.=/\s]+(?:\.\d+)*|[^.:=/\s]+))"
    r"\.(?P<path>[^=]+)=(?P<value>.*)",
    re.DOTALL,
)
_STEP = pattern(r"\[([0-9]+)\]|([^.\[\]]+)")
_PATH = pattern(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[0-9]{1,5}\])*")

_WORDS = ("", "yes", "no", "on", "off")
"""What YAML 1.1 reads as something else, and the Azure CLI as the text that it is."""


class _CannotBeSetError(Exception):
    """The way to a field leads through something that has no fields."""


def parse_set(text: str) -> Override:
    """Read `ADDRESS.path=value`; the value is a YAML scalar, or a list or mapping in one line.

    Raises:
        ManifestError: the text has another form.
    """
    found = _SET.fullmatch(text)
    if not found:
        message = f"{text!r} is not ADDRESS.path=value; write for example deployment/credit/blue.instance_count=3"
        raise ManifestError([Problem(SET, 1, 1, "E-SET", message)])
    return Override(found["address"], found["path"].strip(), value_of(found["value"]), SET)


def parse_field(text: str, *, literal: bool = False) -> Override:
    """Read `path=value` of the one resource that a command is about, with the same values.

    Args:
        text: what was written.
        literal: whether the value is text, whatever it looks like.

    Raises:
        ManifestError: the text has another form.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ManifestError(
            [Problem(SET, 1, 1, "E-SET", f"{text!r} is not FIELD=value; write for example tags.team=risk")]
        )
    return Override("", path.strip(), value if literal or value.lower() in _WORDS else value_of(value), SET)


def address_of(kind: str, document: Mapping[str, Any]) -> str:
    """The address of a document as text, as far as it tells; letters' case as written."""
    name, parent, version = (document.get(field) for field in ("name", "endpoint_name", "version"))
    if kind == "deployment":
        return f"deployment/{parent}/{name}"
    return f"{kind}/{name}" if version is None or kind == "endpoint" else f"{kind}/{name}:{version}"


def meant_for(overrides: Sequence[Override], kind: str, document: Mapping[str, Any]) -> list[Override]:
    """The overrides of a document; an asset's address may leave the version out."""
    if not overrides:
        return []
    address = address_of(kind, document).lower()
    names = ("", address, address.partition(":")[0])
    return [override for override in overrides if override.address.lower() in names]


def named(document: Document, kind: str, platform: str, options: Options) -> Document:
    """The document under the names that the command line gives; what its kind has no field for is passed by."""
    fields = fields_of(kind, platform)
    given = {"name": options.name, "endpoint_name": options.endpoint_name}
    names = {field: name for field, name in given.items() if name and field in fields}
    return (
        Document({**document.value, **names}, document.positions, _without(document.written, names))
        if names
        else document
    )


def overridden(document: Document, overrides: Sequence[Override]) -> tuple[Document, list[Problem]]:
    """The document with its overrides applied, and what is wrong with them."""
    value, written, problems = document.value, document.written, []
    for override in overrides:
        if not is_path(override.path):
            message = f"{override.path!r} is no field; write it as field.inner, an item of a list as field[0]"
            problems.append(override.problem("E-SET", message))
            continue
        steps = steps_of(override.path)
        if len(steps) > MAX_DEPTH:
            message = f"{override.path[:40]}…: a field is not deeper than {MAX_DEPTH} levels"
            problems.append(override.problem("E-SET", message))
            continue
        try:
            value = _put(value, steps, override.value)
        except _CannotBeSetError as error:
            message = f"{'.'.join(filter(None, (override.address, override.path)))}: {error}"
            problems.append(override.problem("E-SET", message))
            continue
        written = _without(written, [".".join(map(str, steps))])
    return Document(value, document.positions, written), problems


def is_path(path: str) -> bool:
    """Whether it is a dotted path, an item of a list as `[0]`."""
    return _PATH.fullmatch(path) is not None


def steps_of(path: str) -> list[int | str]:
    """The keys and numbers of a dotted path, in their order."""
    return [int(index) if index else key for index, key in _STEP.findall(path)]


def places(overrides: Sequence[Override]) -> dict[str, Source]:
    """Where the overridden fields were written, by the fields' dotted paths."""
    return {
        ".".join(index or key for index, key in _STEP.findall(override.path)): Source(
            override.origin, override.line, override.column
        )
        for override in overrides
    }


def unmatched(
    overrides: Sequence[Override], used: Sequence[Override], known: Sequence[str], *, whole: bool
) -> list[Problem]:
    """Overrides that no manifest took; one of `mlops.yaml` may be for a file that was not asked for."""
    problems = []
    for override in overrides:
        if id(override) in {id(one) for one in used} or (override.origin != SET and not whole):
            continue
        code = "E-SET" if override.origin == SET else "W-SET"
        hint = did_you_mean(override.address, known)
        problems.append(override.problem(code, f"no manifest has the address {override.address}{hint}"))
    return problems


def _put(target: Any, steps: Sequence[int | str], value: Any) -> Any:
    """A copy of `target` with `value` at `steps`; mappings on the way are made."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        items = [] if target is None else target
        if not isinstance(items, list) or step > len(items):
            raise _CannotBeSetError(f"there is no item [{step}] to set, nor is it the next one")
        old = items[step] if step < len(items) else None
        return [*items[:step], _put(old, rest, value), *items[step + 1 :]]
    fields = {} if target is None else target
    if not isinstance(fields, Mapping):
        raise _CannotBeSetError(
            "cannot be set: what holds it is not a mapping but a reference or a value; set the whole field"
        )
    return {**fields, step: _put(fields.get(step), rest, value)}


def _without(written: Mapping[str, str], paths: Any) -> dict[str, str]:
    return {
        path: text
        for path, text in written.items()
        if not any(path == gone or path.startswith(f"{gone}.") for gone in paths)
    }


def value_of(text: str) -> Any:
    """What YAML reads, or the text itself where reading would lose how it was written: `1.10` stays `1.10`."""
    import yaml  # noqa: PLC0415  # the command line pays for it only when --set is given

    if "*" in text or "&" in text or "!" in text:
        return text
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    quoted = isinstance(value, str) and text.strip()[0] in "\"'"
    kept = quoted or value is None or isinstance(value, (bool, list, dict)) or str(value) == text.strip()
    return value if kept else text
