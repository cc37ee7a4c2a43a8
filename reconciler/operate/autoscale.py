"""How many instances a deployment should have: decided from samples of its metrics, a policy and the time.

Rules are Azure's (`az monitor autoscale`): any rule that asks for more is followed, and of several the one that asks
for most; fewer are made only where every rule that could ask for fewer does, and the one that asks for least fewer is
followed. A step down that would at once be followed by one up is not taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from statistics import fmean
from typing import Any

from reconciler.operate.schedules import in_force

# Scaling down is as much slower than up, as with Azure's Kubernetes front end.
PATIENCE = 20
# A window counts as observed although the first sample came this many intervals late.
_SLACK = 1.5
# What grows as instances get fewer, so that the rest has more to do.
_SHARED = frozenset({"CpuUtilizationPercentage"})
_AGGREGATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {"average": fmean, "minimum": min, "maximum": max}


@dataclass(frozen=True)
class Sample:
    """What was measured at a time, by the names of metrics; a metric that had no data is not there.

    Args:
        at: seconds since the epoch.
        values: averages over the instances, for the interval that ends at `at`.
    """

    at: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Memory:
    """What is remembered of a deployment between two looks.

    Args:
        samples: the oldest first.
        acted: when the number was last changed, in seconds since the epoch; None if it never was.
    """

    samples: tuple[Sample, ...] = ()
    acted: float | None = None

    def with_sample(self, sample: Sample, *, keep_s: float) -> "Memory":
        """The memory with one more sample, without those too old to count.

        After a clock was set back, samples of the future are forgotten, and what was done counts as done just now.
        """
        kept = tuple(each for each in self.samples if sample.at - keep_s <= each.at < sample.at)
        acted = None if self.acted is None else min(self.acted, sample.at)
        return replace(self, samples=(*kept, sample), acted=acted)


@dataclass(frozen=True)
class Decision:
    """How many instances there should be, and why; the reason is empty where nothing is to be done."""

    count: int
    reason: str = ""


def interval_of(spec: Mapping[str, Any]) -> float:
    """Seconds between two looks at a deployment that has an autoscaler."""
    if policy := spec.get("autoscale"):
        return float(policy["interval"])
    return float(spec["scale_settings"].get("polling_interval", 1))


def horizon_of(spec: Mapping[str, Any]) -> float:
    """For how many seconds samples count."""
    policy = spec.get("autoscale")
    if not policy:
        return interval_of(spec) * (PATIENCE + _SLACK)
    rules = [rule for profile in (policy, *policy["schedules"]) for rule in profile.get("rules", ())]
    return max((float(rule["for"]) for rule in rules), default=0.0) + interval_of(spec) * _SLACK


def decided(spec: Mapping[str, Any], memory: Memory, count: int, now: float) -> Decision:
    """How many instances a deployment should have now.

    Args:
        spec: of the deployment, with an `autoscale` policy or `scale_settings` of type target_utilization.
        memory: its samples and when it was last changed.
        count: how many it has.
        now: seconds since the epoch.
    """
    if policy := spec.get("autoscale"):
        return _by_rules(policy, memory, count, now)
    return _by_utilization(spec, memory, count, now)


def _by_rules(policy: Mapping[str, Any], memory: Memory, count: int, now: float) -> Decision:
    profile = in_force(policy, now)
    low, high = profile["minimum"], profile["maximum"]
    if not low <= count <= high:
        where = f" of schedule {profile['name']}" if profile["name"] else ""
        bound = f"minimum {low}" if count < low else f"maximum {high}"
        return Decision(low if count < low else high, f"{bound}{where}")
    judged = [_Judged(rule, _value(rule, memory, policy["interval"], now), count) for rule in profile["rules"]]
    up = [each for each in judged if each.fires and each.wanted > count]
    if up:
        return _chosen(max(up, key=lambda each: each.wanted), memory, count, (low, high), now)
    down = [each for each in judged if each.wanted < count]
    if not down or not all(each.fires for each in down):
        return Decision(count)
    least = max(down, key=lambda each: each.wanted)
    if any(_would_fire(each, count, max(least.wanted, low)) for each in judged if each.wanted > count):
        return Decision(count)
    return _chosen(least, memory, count, (low, high), now)


@dataclass(frozen=True)
class _Judged:
    """A rule with what it saw; `value` is None where there is not enough to tell."""

    rule: Mapping[str, Any]
    value: float | None
    count: int

    @property
    def fires(self) -> bool:
        return self.value is not None and self.holds(self.value)

    @property
    def wanted(self) -> int:
        return int(self.rule["to"]) if "to" in self.rule else self.count + int(self.rule["change"])

    def holds(self, value: float) -> bool:
        return bool(value > self.rule["above"] if "above" in self.rule else value < self.rule["below"])


def _chosen(judged: _Judged, memory: Memory, count: int, bounds: tuple[int, int], now: float) -> Decision:
    """What a rule asks for, inside the bounds, unless it cools down."""
    rule, wanted = judged.rule, min(max(judged.wanted, bounds[0]), bounds[1])
    if wanted == count or (memory.acted is not None and now - memory.acted < rule["cooldown"]):
        return Decision(count)
    side, limit = ("above", rule["above"]) if "above" in rule else ("below", rule["below"])
    return Decision(wanted, f"{rule['metric']} {judged.value:.4g} {side} {limit:g} for {rule['for']:g} s")


def _would_fire(judged: _Judged, count: int, fewer: int) -> bool:
    """Whether a rule that asks for more would do so once the same load is spread over fewer instances."""
    if judged.value is None or judged.rule["metric"] not in _SHARED:
        return False
    return judged.holds(judged.value * count / max(fewer, 1))


def _value(rule: Mapping[str, Any], memory: Memory, interval: float, now: float) -> float | None:
    """A rule's metric over its window; None unless it was observed from the window's begin on."""
    begin = now - rule["for"]
    inside = [
        each for each in memory.samples if begin - interval * _SLACK <= each.at <= now and rule["metric"] in each.values
    ]
    if not inside or inside[0].at > begin + interval * _SLACK or now - inside[-1].at > interval * _SLACK:
        return None
    values = [each.values[rule["metric"]] for each in inside if each.at >= begin] or [inside[-1].values[rule["metric"]]]
    return float(_AGGREGATIONS[rule["aggregation"]](values))


def _by_utilization(spec: Mapping[str, Any], memory: Memory, count: int, now: float) -> Decision:
    """As many instances as keep the given share of them busy: more at once, fewer only after many looks."""
    settings = spec["scale_settings"]
    low, high = int(settings.get("min_instances", 1)), int(settings.get("max_instances", 1))
    if not low <= count <= high:
        return Decision(
            low if count < low else high, f"min_instances {low}" if count < low else f"max_instances {high}"
        )
    interval = interval_of(spec)
    demands = [(each.at, each.values["demand"]) for each in memory.samples if "demand" in each.values]
    if not demands or now - demands[-1][0] > interval * _SLACK:
        return Decision(count)
    wanted = [min(max(_needed(demand, spec), low), high) for _, demand in demands]
    target = settings.get("target_utilization_percentage", 70)
    if wanted[-1] > count:
        return Decision(wanted[-1], f"{demands[-1][1]:g} requests at once, target {target} %")
    seen_long_enough = now - demands[0][0] >= interval * (PATIENCE - 1)
    if max(wanted) < count and seen_long_enough:
        return Decision(
            max(wanted), f"at most {max(value for _, value in demands):g} requests at once, target {target} %"
        )
    return Decision(count)


def _needed(demand: float, spec: Mapping[str, Any]) -> int:
    """Instances of which a demand keeps the target's share busy."""
    share = spec["scale_settings"].get("target_utilization_percentage", 70) / 100
    each: float = spec["request_settings"]["max_concurrent_requests_per_instance"] * share
    return ceil(demand / each)
