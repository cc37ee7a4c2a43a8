"""What a schema cannot say: one rule, one function."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from reconciler.late import pattern
from reconciler.load.checking.flaw import Flaw
from reconciler.load.yaml.scalars import spoken

Rule = Callable[[Mapping[str, Any]], Iterator[Flaw]]

_VERSIONS = ("version", "model.version", "environment.version")
_AMBIGUOUS = pattern(r"[/:@\s\\]")
_SHARES = frozenset({"traffic", "mirror_traffic"})


def broken_rules(document: Mapping[str, Any], kind: str) -> Iterator[Flaw]:
    """What is wrong with a document by the rules of its kind; fields of a wrong type are left to the schema."""
    for rule in _RULES[kind]:
        yield from rule(document)


def misread(document: Any, written: Mapping[str, str]) -> Iterator[Flaw]:
    """Scalars of which YAML 1.1 makes something other than what was written."""
    if all(text.isdecimal() and path not in _VERSIONS for path, text in written.items()):
        return  # whole numbers alone, as in most files
    for path, value in _scalars(document, ""):
        text = written.get(path)
        if text is None or isinstance(value, str):
            continue
        if path in _VERSIONS:
            yield from _version(path, text, value)
        elif isinstance(value, float) and not math.isfinite(value):
            first = path.partition(".")[0]
            yield Flaw(path, "E-VALUE-FINITE", f"{first if first in _SHARES else path} must be a finite number")
        elif isinstance(value, (int, float)) and ":" in text:
            yield Flaw(path, "E-TYPE", f"YAML 1.1 reads {text} as {value}; write it in quotes")


def field(document: Any, path: str) -> Any:
    """The value of a dotted path; None where there is none."""
    for step in path.split("."):
        if not isinstance(document, dict) or step not in document:
            return None
        document = document[step]
    return document


def put(spec: Mapping[str, Any], path: str, value: Any) -> Mapping[str, Any]:
    """A copy of a document with a value at a dotted path that is there."""
    head, _, rest = path.partition(".")
    return {**spec, head: put(spec[head], rest, value) if rest else value}


def _scalars(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, by its dotted path; its keys may hold dots themselves, as those of tags do."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars(item, f"{path}.{index}" if path else str(index))
    else:
        yield path, value


def _version(path: str, text: str, value: Any) -> Iterator[Flaw]:
    if isinstance(value, date):
        yield Flaw(path, "E-VERSION-TEXT", f"version {text} is read as a date; write it in quotes")
    elif str(value) != text:
        quoted = f'write "{text}"' if text else "write it in quotes"
        message = f"version {text or 'without a value'} is read as {spoken(value)}; {quoted}"
        yield Flaw(path, "E-VERSION-TEXT", message)


def _mirror_goes_to_one_idle_deployment(document: Mapping[str, Any]) -> Iterator[Flaw]:
    mirror, traffic = (_shares(document.get(name)) for name in ("mirror_traffic", "traffic"))
    says = "1-50, to one deployment that has no live traffic"
    for name in mirror:
        path = f"mirror_traffic.{name}"
        if mirror[name] > 50:
            yield Flaw(path, "E-MIRROR", f"{path}: {says}; here is {mirror[name]}")
        elif len(mirror) > 1:
            yield Flaw(path, "E-MIRROR", f"{path}: {says}; here are {len(mirror)} deployments")
        elif traffic.get(name):
            yield Flaw(path, "E-MIRROR", f"{path}: {says}; {name} has {traffic[name]} %")


def _fewest_instances_are_not_more_than_most(document: Mapping[str, Any]) -> Iterator[Flaw]:
    settings = _mapping(document.get("scale_settings"))
    least, most = (_whole(settings.get(name)) for name in ("min_instances", "max_instances"))
    if least is not None and most is not None and least > most:
        yield Flaw("scale_settings.min_instances", "E-SCALE", f"min_instances {least} > max_instances {most}")


def _default_scaling_takes_no_bounds(document: Mapping[str, Any]) -> Iterator[Flaw]:
    settings = _mapping(document.get("scale_settings"))
    if str(settings.get("type")).lower() == "default":
        for name in settings:
            if name != "type":
                yield Flaw(f"scale_settings.{name}", "E-SCALE", f"{name} is for type: target_utilization; remove it")


def _waiting_is_not_longer_than_the_timeout(document: Mapping[str, Any]) -> Iterator[Flaw]:
    settings = _mapping(document.get("request_settings"))
    wait, timeout = (_whole(settings.get(name)) for name in ("max_queue_wait_ms", "request_timeout_ms"))
    if wait is not None and timeout is not None and 0 < timeout < wait:
        message = f"max_queue_wait_ms {wait} > request_timeout_ms {timeout}; a request would time out in the queue"
        yield Flaw("request_settings.max_queue_wait_ms", "E-PROBE", message)


def _timeout_is_one_that_azure_takes(document: Mapping[str, Any]) -> Iterator[Flaw]:
    timeout = _whole(_mapping(document.get("request_settings")).get("request_timeout_ms"))
    if timeout is not None and timeout > 300_000:
        message = f"request_timeout_ms {timeout} is more than 300000, the most that Azure takes"
        yield Flaw("request_settings.request_timeout_ms", "E-PROBE", message)


def _inline_environment_is_whole(document: Mapping[str, Any]) -> Iterator[Flaw]:
    inline = document.get("environment")
    if isinstance(inline, Mapping):
        yield from (Flaw("environment", flaw.code, flaw.message) for flaw in _image_or_build(inline))


def _inline_version_has_a_name(document: Mapping[str, Any]) -> Iterator[Flaw]:
    inline = _mapping(document.get("model"))
    if "version" in inline and "name" not in inline:
        yield Flaw("model", "E-REQUIRED", "model.name is missing; model.version needs it")


def _asset_can_be_named(document: Mapping[str, Any]) -> Iterator[Flaw]:
    """`azureml:NAME:VERSION` must mean one thing only."""
    for name in ("name", "version"):
        if isinstance(document.get(name), str) and _AMBIGUOUS.search(document[name]):
            yield Flaw(name, "E-NAME", f"{name}: no /, :, @ or space; here is {document[name][:60]!r}")


def _inline_assets_can_be_named(document: Mapping[str, Any]) -> Iterator[Flaw]:
    for path in ("model", "environment"):
        for flaw in _asset_can_be_named(_mapping(document.get(path))):
            yield Flaw(f"{path}.{flaw.path}", flaw.code, f"{path}.{flaw.message}")


def _image_or_build(document: Mapping[str, Any]) -> Iterator[Flaw]:
    given = [name for name in ("image", "build") if name in document]
    if len(given) != 1:
        yield Flaw("", "E-ENV", f"give exactly one of image, build; here is {' and '.join(given) or 'none'}")


_RULES: Mapping[str, tuple[Rule, ...]] = {
    "endpoint": (_mirror_goes_to_one_idle_deployment,),
    "deployment": (
        _fewest_instances_are_not_more_than_most,
        _default_scaling_takes_no_bounds,
        _waiting_is_not_longer_than_the_timeout,
        _timeout_is_one_that_azure_takes,
        _inline_environment_is_whole,
        _inline_version_has_a_name,
        _inline_assets_can_be_named,
    ),
    "model": (_asset_can_be_named,),
    "environment": (_image_or_build, _asset_can_be_named),
}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, (dict, Mapping)) else {}


def _whole(value: Any) -> int | None:
    """A whole number, also one in quotes."""
    if isinstance(value, str) and value.strip().removeprefix("+").isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shares(value: Any) -> dict[str, int]:
    """The deployments that get a share, and how much."""
    return {name: share for name, given in _mapping(value).items() if (share := _whole(given))}
