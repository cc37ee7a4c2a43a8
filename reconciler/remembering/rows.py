"""The plan that found nothing to do as it is kept, and back: JSON, in which no field of any resource is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Content
from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.load.caching.shaped_rows import of_json, read_values
from reconciler.record.root import Root
from reconciler.wishes import Planned

TABLE = "looks"
"""The table of the cache that looks are kept in."""

_PLANNED = {
    "tree": str,
    "live": str,
    "pins": {str: str},
    "unchanged": int,
    "labels": {str: {str: str}},
    "by_command": [str],
    "warnings": [(str, str, int, int, str, str)],
    "passed_over": [(str, str)],
    "contents": [(str, str, str, bool)],
}
_HEAD = {
    "inputs": {"files": str, "record": {}, "live": str},
    "lying": str,
    "unsettled": [str],
    "looked": {str: str},
    "secrets": {str: str},
    "planned": _PLANNED,
    "in_parts": bool,
    "known": {str: str},
    "count": int,
}


def told(planned: Planned, contents: Iterable[Content], names: Mapping[str, str]) -> dict[str, Any]:
    """What is kept of a plan without steps, and of where the content lies that its manifests name.

    Args:
        planned: the plan.
        contents: the content.
        names: by file as the user would write it, its name below the folder; warnings of others have none.
    """
    plan = planned.plan
    return {
        "tree": plan.tree,
        "live": plan.live,
        "pins": dict(plan.pins),
        "unchanged": plan.unchanged,
        "labels": {str(address): dict(labels) for address, labels in plan.labels.items()},
        "by_command": [str(address) for address in plan.by_command],
        "warnings": [[names.get(each.file, ""), *astuple(each)] for each in planned.warnings],
        "passed_over": [[names[each], each] for each in planned.passed_over],
        "contents": [[each.digest, each.name, str(each.location), each.is_folder] for each in contents],
    }


def planned_of(held: Mapping[str, Any], target: str, record: Root) -> Planned:
    """The plan of what was kept of it."""
    plan = Plan(
        target=target,
        lineage=record.lineage,
        serial=record.serial,
        tree=held["tree"],
        steps=(),
        live=held["live"],
        pins=held["pins"],
        unchanged=held["unchanged"],
        labels={Address.parse(address): labels for address, labels in held["labels"].items()},
        by_command=tuple(map(Address.parse, held["by_command"])),
    )
    warnings = tuple(Problem(*warning) for _, *warning in held["warnings"])
    return Planned(plan, warnings, passed_over=tuple(shown for _, shown in held["passed_over"]))


def contents_of(held: Mapping[str, Any]) -> dict[str, Content]:
    """Where the content lies, by digest."""
    return {each[0]: Content(each[0], each[1], Path(each[2]), each[3]) for each in held["contents"]}


def head_of(cache: Path | None, place: str) -> Mapping[str, Any] | None:
    """The head of a look that was kept, which alone is read where nothing differs."""
    return read_values(cache, TABLE, [place], lambda _, row: of_json(row, _HEAD)).get(place)


def written(value: Any) -> bytes:
    """A row."""
    return json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass")
