"""Why a document does not fit its schema, in one line for each thing that is wrong."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from reconciler.core.words import nearest
from reconciler.kinds import KINDS
from reconciler.load.checking.flaw import Flaw
from reconciler.load.schema import fields_of, schema_of
from reconciler.load.yaml.scalars import spoken

_POLICIES = frozenset({"rollout", "slo", "autoscale"})
_INTO_FIELDS = frozenset({"properties", "additionalProperties", "items", "propertyNames"})
_EXPECTED = {"string": "text", "object": "a mapping", "array": "a list", "integer": "a whole number"}
_SEEN = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}


def explained(document: Any, written: Mapping[str, str], kind: str, platform: str) -> Iterator[Flaw]:
    """Everything that keeps a document from fitting the schema of its kind."""
    schema = schema_of(kind, platform)
    for error in _validator(kind, platform).iter_errors(document):
        path = ".".join(map(str, error.absolute_path))
        explain = _EXPLAIN.get(error.validator)
        if explain:
            yield from explain(error, path, kind)
        elif error.validator == "type" and error.validator_value == "string" and isinstance(document, Mapping):
            yield _not_text(error.instance, path, written)
        else:
            yield _said(error, path, schema, secret=path.partition(".")[0] in KINDS[kind].secrets)


@cache
def _validator(kind: str, platform: str) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # half the start-up time, for refused files only

    return Draft202012Validator(schema_of(kind, platform))


def _unknown(error: Any, path: str, kind: str) -> Iterator[Flaw]:
    known = error.schema.get("properties", {})
    for field in error.instance:
        if field in known:
            continue
        near = nearest(field, known)
        hint = f"; did you mean {near}?" if near else ""
        if not path and field in _POLICIES:
            hint = " of Azure's; it belongs in mlops.yaml, below `policies:`"
        if not path and field in fields_of(kind, ""):
            hint = _elsewhere(kind, field)
        yield Flaw(_below(path, field), "E-FIELD", f"{field or repr(field)}: unknown field{hint}")


def _elsewhere(kind: str, field: str) -> str:
    """Where the other platform has the field."""
    mark, value = KINDS[kind].kubernetes_by
    if field in fields_of(kind, "kubernetes"):
        return f" of a managed {kind}; a kubernetes one has it: add {mark}: {value or 'azureml:NAME'}"
    return f" of a kubernetes {kind}; only a managed one has it: remove it, or {mark}"


def _missing(error: Any, path: str, _kind: str) -> Iterator[Flaw]:
    for field in error.validator_value:
        if field not in error.instance and error.message.startswith(repr(field)):
            yield Flaw(path, "E-REQUIRED", f"{_below(path, field)} is missing")


def _missing_beside(error: Any, path: str, _kind: str) -> Iterator[Flaw]:
    for field, needed in error.validator_value.items():
        for other in needed:
            if field in error.instance and other not in error.instance:
                yield Flaw(path, "E-REQUIRED", f"{_below(path, other)} is missing; {field} needs it")


_EXPLAIN = {"additionalProperties": _unknown, "required": _missing, "dependentRequired": _missing_beside}


def _not_text(value: Any, path: str, written: Mapping[str, str]) -> Flaw:
    text = written.get(path)
    if value is None:
        return Flaw(path, "E-TYPE", f"{path}: expected text, here is nothing; write a value or remove the field")
    if text is None:
        return Flaw(path, "E-TYPE", f"{path}: expected text, here is {_SEEN.get(type(value), spoken(value))}")
    read = spoken(value)
    what = f"{path}: expected text, here is {text}" if text == read else f"expected text, YAML reads {text} as {read}"
    return Flaw(path, "E-TYPE", f'{what}; write "{text}"')


def _said(error: Any, path: str, schema: Mapping[str, Any], *, secret: bool) -> Flaw:
    """The schema's own words for the field, else what was expected of its type."""
    said = _annotation(error, schema)
    names = error.absolute_schema_path and "propertyNames" in error.absolute_schema_path
    field = _below(path, str(error.instance)) if names else path
    seen = _seen(error.instance, secret=secret and not names)
    code, words = said.get("x-code", "E-VALUE"), said.get("x-says")
    if error.validator == "type" and code == "E-VALUE":
        expected = _EXPECTED.get(str(error.validator_value), str(error.validator_value))
        return Flaw(field, "E-TYPE", f"{field}: expected {expected}, here is {seen}")
    if not words:
        words = "must not be empty" if error.validator == "minLength" else "is not allowed"
    speaks = words if words.startswith(field) else f"{field}: {words}"
    return Flaw(field, code, f"{speaks}; here is {seen}")


def _annotation(error: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """`x-code` and `x-says` of the innermost schema that speaks of the very field that is wrong."""
    found: dict[str, Any] = {}
    at: Any = schema
    for step in error.absolute_schema_path:
        found |= _said_at(at)
        if isinstance(at, Mapping) and step not in at:
            at = schema["$defs"][at["$ref"].rpartition("/")[2]]  # the path passes over references in silence
            found = _said_at(at) | found
        if step in _INTO_FIELDS:
            found = {}
        at = at[step]
    return found | _said_at(at)


def _said_at(schema: Any) -> dict[str, Any]:
    return {key: schema[key] for key in ("x-code", "x-says") if key in schema} if isinstance(schema, Mapping) else {}


def _seen(value: Any, *, secret: bool) -> str:
    if secret and not isinstance(value, (dict, list)):
        return "a value"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return _SEEN.get(type(value), "") or spoken(value)


def _below(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field
