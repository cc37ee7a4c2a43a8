"""A document becomes a spec: defaults explicit, quoted numbers read, letters lowered where case means nothing."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from reconciler.core.manifest import Content, Manifest
from reconciler.core.secret import Secret, sealed_texts
from reconciler.kinds import KINDS, Kind
from reconciler.late import pattern

Convert = Callable[[Any], Any]

_WHOLE = pattern(r"\s*[+-]?[0-9]{1,20}\s*")
_NAMING = frozenset({"$schema", "name", "version", "endpoint_name"})
_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})


def spec_of(manifest: Manifest, kind: Kind, *, secret_key: bytes) -> dict[str, Any]:
    """The spec of a manifest before its references are resolved.

    Fields that name the resource or that the Azure tools only print are left out, so that they never differ; local
    content is known by digest; a null is as good as absent.
    """
    dropped, unsaid = _NAMING | kind.ignored, kind.defaults.get(manifest.platform, {})
    written = {key: value for key, value in manifest.document.items() if key not in dropped and value is not None}
    spec = _with_defaults(written, unsaid)
    for path, content in manifest.contents.items():
        _put(spec, path, content_spec(content))
    for parent, conversions in _conversions(kind.name).items():
        if not parent or spec.get(parent[0]) is not unsaid.get(parent[0]):  # a default has its one spelling
            _convert(spec, parent, conversions)
    for name in kind.secrets:
        spec[name] = {key: _sealed(value, secret_key) for key, value in spec[name].items()}
    for path in kind.credentials:
        *parents, name = path.split(".")
        _convert(spec, tuple(parents), [(name, lambda value: sealed_texts(value, secret_key))])
    for name in kind.route & spec.keys():
        spec[name] = {deployment.lower(): share for deployment, share in spec[name].items() if share}
    return spec


def content_spec(content: Content) -> dict[str, str]:
    """How a spec knows local content: by the name it has where it is served, and by digest."""
    return {"name": content.name, "digest": content.digest}


def _with_defaults(written: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Lay what is written over the defaults, mapping by mapping; what is written is copied, defaults are shared."""
    merged: dict[str, Any] = _copied(written)
    for key, default in defaults.items():
        if key not in merged:
            merged[key] = default
        elif default and isinstance(default, Mapping) and isinstance(merged[key], dict):
            merged[key] = {**default, **{k: v for k, v in merged[key].items() if v is not None}}
    return merged


def _copied(value: Any) -> Any:
    """A copy of a mapping or a list, so that what was read stays as it was; most items are neither."""
    if isinstance(value, dict):
        return {key: _copied(item) if isinstance(item, (dict, list)) else item for key, item in value.items()}
    return [_copied(item) if isinstance(item, (dict, list)) else item for item in value]


def _put(spec: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        spec = spec[parent]
    spec[last] = value


@cache
def _conversions(kind: str) -> Mapping[tuple[str, ...], Sequence[tuple[str, Convert]]]:
    """The fields of a kind whose values have more than one spelling, below their parents, with what makes it one."""
    facts = KINDS[kind]
    found = defaultdict(list)
    for paths, convert in ((facts.integers, _integer), (facts.booleans, _boolean), (facts.lowered, _lowered)):
        for path in sorted(paths):
            *parents, name = path.split(".")
            found[tuple(parents)].append((name, convert))
    return found


def _convert(spec: dict[str, Any], parents: tuple[str, ...], conversions: Sequence[tuple[str, Convert]]) -> None:
    """Replace the values of fields, in place; a field of `*` stands for every key."""
    for parent in parents:
        inner = spec.get(parent)
        if not isinstance(inner, dict):
            return
        spec = inner
    for field, convert in conversions:
        for key in list(spec) if field == "*" else (field,):
            if key in spec and (value := convert(spec[key])) is not spec[key]:
                spec[key] = value


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _boolean(value: Any) -> Any:
    return str(value).lower() in _TRUE if isinstance(value, (str, int)) else value


def _lowered(value: Any) -> Any:
    """`AADToken` and `aad_token` are one word: camel case becomes snake case, as the Azure tools read it."""
    if not isinstance(value, str):
        return value
    spelled = value.replace("Token", "_token").replace("Assigned", "_assigned").replace("Utilization", "_utilization")
    return spelled.replace("__", "_").lower().removeprefix("_")


def _sealed(value: Any, key: bytes) -> Secret:
    """A variable's value as a secret; one that comes from a record is one already."""
    return value if isinstance(value, Secret) else Secret.of(_text(value), key)


def _text(value: Any) -> str:
    """The text of a variable's value: booleans as YAML writes them, null as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
