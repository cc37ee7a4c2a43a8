"""Quota at every step: cores by family, with the reserve of 20 % that Azure keeps for upgrades."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.manifest import Spec
from reconciler.core.plan import Step
from reconciler.core.state import State
from reconciler.kinds.skus import Sku, quota_family, sku_of


def over_quota(steps: Sequence[Step], state: State, quota: Mapping[str, int]) -> Iterator[str]:
    """One line for every family whose cores do not suffice, at the step at which most are needed.

    Args:
        steps: in the order in which they run; a later step finds what the earlier ones left.
        state: what runs before the first of them.
        quota: cores of this target by family; families without an entry are not limited.
    """
    limits = {quota_family(family): cores for family, cores in quota.items()}
    used = {address: _cores(entry.spec) for address, entry in state.entries.items()}
    peaks: dict[str, tuple[int, Step, int]] = {}
    for step in steps if limits else ():
        family, cores = _cores(step.after) if step.after else ("", 0)
        used[step.address] = (family, cores)
        if family in limits:
            total = sum(taken for name, taken in used.values() if name == family)
            if total > limits[family] and total > peaks.get(family, (0,))[0]:
                peaks[family] = (total, step, limits[family] - total + cores)
    yield from (_line(step, free, limits[family]) for family, (_, step, free) in sorted(peaks.items()))


def cores_by_family(state: State) -> Mapping[str, int]:
    """Cores that the recorded deployments take, reserve included."""
    total: dict[str, int] = defaultdict(int)
    for entry in state.entries.values():
        family, cores = _cores(entry.spec)
        total[family] += cores
    return total


def _cores(spec: Spec) -> tuple[str, int]:
    sku = _sku(spec)
    return (sku.family, sku.cores_needed(_instances(spec))) if sku else ("", 0)


def _sku(spec: Spec) -> Sku | None:
    return sku_of(str(spec.get("instance_type", ""))) if spec.get("type") == "managed" else None


def _instances(spec: Spec) -> int:
    count = spec.get("instance_count", 1)
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
