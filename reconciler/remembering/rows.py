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
from reconciler.record.root import Root
from reconciler.wishes import Planned


def told(planned: Planned, contents: Iterable[Content]) -> dict[str, Any]:
    """What is kept of a plan without steps, and of where the content lies that its manifests name."""
    plan = planned.plan
    return {
        "tree": plan.tree,
        "live": plan.live,
        "pins": dict(plan.pins),
        "unchanged": plan.unchanged,
        "labels": {str(address): dict(labels) for address, labels in plan.labels.items()},
        "by_command": [str(address) for address in plan.by_command],
        "warnings": [astuple(warning) for warning in planned.warnings],
        "passed_over": list(planned.passed_over),
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
    warnings = tuple(Problem(*warning) for warning in held["warnings"])
    return Planned(plan, warnings, passed_over=tuple(held["passed_over"]))


def contents_of(held: Mapping[str, Any]) -> dict[str, Content]:
    """Where the content lies, by digest."""
    return {each[0]: Content(each[0], each[1], Path(each[2]), each[3]) for each in held["contents"]}


def written(value: Any) -> bytes:
    """A row."""
    return json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass")


def read(row: bytes) -> Any:
    """What a row says."""
    return json.loads(row.decode("utf-8", "surrogatepass"))
