"""Quota at every step: cores by family, with the reserve of 20 % that Azure keeps for upgrades."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Step
from reconciler.core.state import State
from reconciler.kinds.autoscaling import bounds
from reconciler.kinds.skus import Sku, quota_family, sku_of


def over_quota(steps: Sequence[Step], state: State, quota: Mapping[str, int]) -> Iterator[str]:
    """One line for every family whose cores do not suffice, at the step at which most are needed.

    Steps that do not wait for each other run in any order, so a step finds every other deployment in the largest of the
    states in which it may be by then.

    Args:
        steps: the plan, numbered so that every step stands behind what it needs.
        state: what runs before the first of them.
        quota: cores of this target by family; families without an entry are not limited.
    """
    limits = _limits(quota)
    if not limits:
        return
    behind = _behind(steps)
    stages = _stages(steps, state)
    peaks: dict[str, tuple[int, Step, int]] = {}
    for step in steps:
        family, cores = _cores(step.after)
        if not _needs_more(step, limits):
            continue
        others = sum(
            _largest(held, family, step, behind) for address, held in stages.items() if address != step.address
        )
        if others + cores > max(limits[family], peaks.get(family, (0,))[0]):
            peaks[family] = (others + cores, step, limits[family] - others)
    yield from (_line(step, free, limits[family]) for family, (_, step, free) in sorted(peaks.items()))


def asks_for_quota(steps: Sequence[Step], quota: Mapping[str, int]) -> bool:
    """Whether any step needs more cores of a limited family than before, so that all other deployments count."""
    limits = _limits(quota)
    return any(_needs_more(step, limits) for step in steps)


def _limits(quota: Mapping[str, int]) -> dict[str, int]:
    return {quota_family(family): cores for family, cores in quota.items()}


def _needs_more(step: Step, limits: Mapping[str, int]) -> bool:
    family, cores = _cores(step.after)
    return family in limits and cores > _cores(step.before, family)[1]


_Stage = tuple[int, Spec | None]
"""A step's number, 0 for none yet, and the spec that is true after it."""


def _behind(steps: Sequence[Step]) -> Mapping[int, frozenset[int]]:
    """By number, all steps that must have succeeded before a step starts."""
    found: dict[int, frozenset[int]] = {}
    for step in steps:
        found[step.id] = frozenset(step.needs).union(*(found[need] for need in step.needs))
    return found


def _stages(steps: Sequence[Step], state: State) -> Mapping[Address, list[_Stage]]:
    """By deployment, every state that it is in from before the first step to after the last."""
    found: dict[Address, list[_Stage]] = {a: [(0, entry.spec)] for a, entry in state.entries.items() if a.endpoint}
    for step in steps:
        if step.address.endpoint:
            found.setdefault(step.address, [(0, None)]).append((step.id, step.after))
    return found


def _largest(stages: Sequence[_Stage], family: str, step: Step, behind: Mapping[int, frozenset[int]]) -> int:
    """The most cores that a deployment may have while a step runs."""
    sure = max((number for number, _ in stages if number in behind[step.id]), default=0)
    possible = (spec for number, spec in stages if number >= sure and step.id not in behind.get(number, ()))
    return max((_cores(spec, family)[1] for spec in possible), default=0)


def _cores(spec: Spec | None, family: str = "") -> tuple[str, int]:
    """The family and the cores of a deployment; none where it is of another family than asked for, or of no size."""
    sku = _sku(spec) if spec else None
    if sku is None or spec is None or (family and sku.family != family):
        return "", 0
    return sku.family, sku.cores_needed(_instances(spec))


def _sku(spec: Spec) -> Sku | None:
    return sku_of(str(spec.get("instance_type", ""))) if spec.get("type") == "managed" else None


def _instances(spec: Spec) -> int:
    """How many instances there may be: what an autoscaler may make of them must fit into the quota."""
    limits = bounds(spec)
    count = limits[1] if limits else spec.get("instance_count", 1)
    return count if isinstance(count, int) else 1


def _line(step: Step, free: int, limit: int) -> str:
    assert step.after is not None  # noqa: S101 - only a step that leaves something needs cores
    sku = _sku(step.after)
    assert sku is not None  # noqa: S101 - only known sizes are counted
    count = _instances(step.after)
    reserve = "no reserve for this size" if sku.exempt else "with the 20 % reserve"
    return (
        f"E-QUOTA: {count} x Standard_{sku.name} needs {sku.cores_needed(count)} cores ({reserve}); "
        f"{max(free, 0)} of {limit} free at step #{step.id} {step.action} {step.address}; "
        "ask for fewer instances, raise the quota of the target, or free some first"
    )
