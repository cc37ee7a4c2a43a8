"""A deployment whose number of instances belongs to an autoscaler: inside which bounds, and what is left to it.

The manifest's `instance_count` is then where it starts. A step says nothing of the number while that lies inside the
bounds, so that a plan neither undoes what the autoscaler did nor hangs on what it did last.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.core.manifest import Spec

COUNT = "instance_count"


def bounds(spec: Spec) -> tuple[int, int] | None:
    """The fewest and the most instances that the autoscaler may make at any time; None without one.

    Azure's defaults for `target_utilization` are 1 and 1. Of a block in mlops.yaml the schedules count too.
    """
    policy: Mapping[str, Any] | None = spec.get("autoscale")
    if policy:
        profiles = [policy, *policy.get("schedules", ())]
        return min(int(each["minimum"]) for each in profiles), max(int(each["maximum"]) for each in profiles)
    settings: Mapping[str, Any] = spec.get("scale_settings") or {}
    if settings.get("type") != "target_utilization":
        return None
    low = int(settings.get("min_instances", 1))
    return low, max(low, int(settings.get("max_instances", 1)))


def within(count: Any, limits: tuple[int, int]) -> bool:
    """Whether a number of instances lies inside bounds."""
    return isinstance(count, int) and limits[0] <= count <= limits[1]


def started(spec: Spec) -> Spec:
    """The spec of a deployment that is made: its number of instances brought inside the bounds."""
    limits = bounds(spec)
    return spec if limits is None else {**spec, COUNT: _clamped(spec.get(COUNT, 1), limits)}


def left_to_the_autoscaler(wanted: Spec, found: Spec) -> tuple[Spec, Spec]:
    """The specs of a deployment as they are compared: without the number where that is the autoscaler's.

    Args:
        wanted: what the manifest says.
        found: what is there; where its number lies outside the wanted bounds, the nearest inside is wanted.
    """
    limits = bounds(wanted)
    if limits is None:
        return wanted, found
    count = found.get(COUNT)
    if count is not None and not within(count, limits):
        return {**wanted, COUNT: _clamped(count, limits)}, found
    return _without_count(wanted), _without_count(found)


def _clamped(count: Any, limits: tuple[int, int]) -> int:
    return min(max(int(count), limits[0]), limits[1])


def _without_count(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name != COUNT}
