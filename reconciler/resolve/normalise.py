"""A document becomes a spec: defaults explicit, quoted numbers read, letters lowered where case means nothing."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from reconciler.core.manifest import Content, Manifest
from reconciler.core.secret import Secret, sealed_texts
from reconciler.kinds import KINDS, Kind
from reconciler.late import pattern

Convert = Callable[[Any], Any]

_WHOLE = pattern(r"\s*[+-]?[0-9]{1,20}\s*")
_NAMING = frozenset({"$schema", "name", "version", "endpoint_name"})
_TRUE = frozenset({"true", "yes", "on", "1", "y", "t"})


class _Spelled(NamedTuple):
    """What of a kind's fields is not taken as it is written.

    Args:
        dropped: fields that are no part of a spec.
        conversions: below their parents, those whose values have more than one spelling, with what makes it one.
        credentials: those in which texts may be secrets, each with its parents.
    """

    dropped: frozenset[str]
    conversions: Sequence[tuple[tuple[str, ...], Mapping[str, Convert]]]
    credentials: Sequence[tuple[tuple[str, ...], str]]


def spec_of(
    manifest: Manifest, kind: Kind, *, secret_key: bytes, met: dict[str, Secret] | None = None
) -> dict[str, Any]:
    """The spec of a manifest before its references are resolved.

    Fields that name the resource or that the Azure tools only print are left out, so that they never differ; local
    content is known by digest; a null is as good as absent.

    Args:
        manifest: what is written.
        kind: of it.
        secret_key: the state's key.
        met: the secrets of earlier manifests by their values, for those that have the same; new ones are added.
    """
    spelled, unsaid = _spelled(kind.name), kind.defaults.get(manifest.platform, {})
    spec = _with_defaults(_written(manifest.document, spelled.dropped), unsaid)
    for path, content in manifest.contents.items():
        _put(spec, path, content_spec(content))
    for parents, conversions in spelled.conversions:
        if not parents or spec.get(parents[0]) is not unsaid.get(parents[0]):  # a default has its one spelling
            _convert(spec, parents, conversions)
    for name in kind.secrets:
        spec[name] = _sealed(spec[name], secret_key, {} if met is None else met)
    for parents, name in spelled.credentials:
        _convert(spec, parents, {name: lambda value: sealed_texts(value, secret_key)})
    for name in kind.route & spec.keys():
        spec[name] = {deployment.lower(): share for deployment, share in spec[name].items() if share}
    return spec


def content_spec(content: Content) -> dict[str, str]:
    """How a spec knows local content: by the name it has where it is served, and by digest."""
    return {"name": content.name, "digest": content.digest}


def _written(document: Mapping[str, Any], dropped: frozenset[str]) -> dict[str, Any]:
    """What a document says, copied."""
    return {
        key: _copied(value) if isinstance(value, (dict, list)) else value
        for key, value in document.items()
        if key not in dropped and value is not None
    }


def _with_defaults(written: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Lay what is written over the defaults, mapping by mapping; defaults are shared."""
    for key, default in defaults.items():
        value = written.setdefault(key, default)
        if value is not default and default and isinstance(default, Mapping) and isinstance(value, dict):
            written[key] = {**default, **{k: v for k, v in value.items() if v is not None}}
    return written


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
def _spelled(kind: str) -> _Spelled:
    facts = KINDS[kind]
    found: dict[tuple[str, ...], dict[str, Convert]] = defaultdict(dict)
    for paths, convert in ((facts.integers, _integer), (facts.booleans, _boolean), (facts.lowered, _lowered)):
        for parents, name in map(_parted, sorted(paths)):
            found[parents][name] = convert
    return _Spelled(_NAMING | facts.ignored, tuple(found.items()), tuple(map(_parted, facts.credentials)))


def _parted(path: str) -> tuple[tuple[str, ...], str]:
    *parents, name = path.split(".")
    return tuple(parents), name


def _convert(spec: dict[str, Any], parents: tuple[str, ...], conversions: Mapping[str, Convert]) -> None:
    """Replace the values of fields, in place; a field of `*` stands for every key."""
    for parent in parents:
        inner = spec.get(parent)
        if not isinstance(inner, dict):
            return
        spec = inner
    every = conversions.get("*")
    for key in list(spec) if every else conversions.keys() & spec.keys():
        spec[key] = (every or conversions[key])(spec[key])


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _boolean(value: Any) -> Any:
    return value if isinstance(value, bool) or not isinstance(value, (str, int)) else str(value).lower() in _TRUE


def _lowered(value: Any) -> Any:
    return _snake(value) if isinstance(value, str) else value


@lru_cache(maxsize=256)
def _snake(value: str) -> str:
    """`AADToken` and `aad_token` are one word: camel case becomes snake case, as the Azure tools read it."""
    spelled = value.replace("Token", "_token").replace("Assigned", "_assigned").replace("Utilization", "_utilization")
    return spelled.replace("__", "_").lower().removeprefix("_")


def _sealed(values: Mapping[str, Any], key: bytes, met: dict[str, Secret]) -> dict[str, Secret]:
    """Variables whose values are secrets; one that comes from a record is one already."""

    def seal(value: Any) -> Secret:
        text = _text(value)
        return met.get(text) or met.setdefault(text, Secret.of(text, key))

    return {name: value if isinstance(value, Secret) else seal(value) for name, value in values.items()}


def _text(value: Any) -> str:
    """The text of a variable's value: booleans as YAML writes them, null as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
