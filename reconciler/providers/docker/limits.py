"""What one instance may take of its machine, by its size in Azure or by the resources of a Kubernetes deployment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from typing import Any

from reconciler.core.manifest import Spec
from reconciler.kinds.skus import sku_of

_GIB, _MIB = 1 << 30, 1 << 20
# The least that engines take as a limit; none at all would be no limit.
LEAST_CPUS, LEAST_MEMORY_BYTES = 0.01, 6 * _MIB
_LITTLE_CPU = "resources.limits.cpu is less than the engine's least; write 10m or more, or leave it out"
_QUANTITY = re.compile(r"(?P<number>(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)(?P<unit>m|k|[MGTPE]|[KMGTPE]i)?")
_UNITS = {
    "": Decimal(1),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("MGTPE", start=2)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


@dataclass(frozen=True)
class Capacity:
    """What an engine has.

    Args:
        has_gpus: whether it gives GPUs to containers, in whatever way.
        cdi_gpus: the names by which it gives them where it has no runtime of NVIDIA's, such as `nvidia.com/gpu=0`.
    """

    cpus: int
    memory_bytes: int
    has_gpus: bool = False
    cdi_gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What one instance may take; None for what is not limited.

    Args:
        cpus: that it may use at most.
        memory_bytes: that it may hold at most, the files of its temporary folders included.
        reserved_cpus: its share where CPUs are scarce.
        reserved_memory_bytes: what it keeps where memory is scarce.
        gpus: whole ones.
        cdi_gpus: the same by name, where the engine wants them named.
    """

    cpus: float | None = None
    memory_bytes: int | None = None
    reserved_cpus: float | None = None
    reserved_memory_bytes: int | None = None
    gpus: int = 0
    cdi_gpus: tuple[str, ...] = ()


def limits_of(spec: Spec) -> Limits:
    """What an instance of a deployment may take.

    Raises:
        ValueError: a resource is no quantity of Kubernetes.
    """
    resources: Mapping[str, Any] = spec.get("resources") or {}
    sku = sku_of(str(spec.get("instance_type", "")))
    if resources or sku is None:
        most, least = resources.get("limits") or {}, resources.get("requests") or {}
        gpus = max(_gpus(most), _gpus(least))
        return Limits(_cpus(most), _memory(most), _cpus(least), _memory(least), gpus)
    memory = None if sku.memory_gib is None else int(sku.memory_gib * _GIB)
    return Limits(float(sku.cores), memory, gpus=ceil(sku.gpus))


def memory_at_least_limited(limits: Limits, spec: Spec, capacity: Capacity) -> tuple[Limits, str]:
    """Limits with nine tenths of the engine's memory where nobody knows how much the deployment's size has.

    So an instance that takes ever more ends before the machine does. What runs on Kubernetes, or says its resources,
    has the limits that it asks for, or none.

    Returns:
        The limits, and in one line what was put in; empty where nothing was.
    """
    size = str(spec.get("instance_type", ""))
    if limits.memory_bytes is not None or spec.get("resources") or spec.get("type") == "kubernetes":
        return limits, ""
    limited = replace(limits, memory_bytes=capacity.memory_bytes * 9 // 10)
    unknown = f"the memory of the size {size}" if sku_of(size) else f"the size {size or '(none)'}"
    memory = _size(replace(limited, cpus=None))
    return limited, f"{unknown} is not known; instances get at most {memory}, nine tenths of the engine's"


def within(limits: Limits, capacity: Capacity) -> Limits:
    """Limits that the engine can grant: it refuses more CPUs than it has; more memory than there is limits nothing."""
    return replace(
        limits,
        cpus=_cpus_within(limits.cpus, capacity),
        memory_bytes=_memory_within(limits.memory_bytes, capacity),
        reserved_cpus=_cpus_within(limits.reserved_cpus, capacity),
        reserved_memory_bytes=_memory_within(limits.reserved_memory_bytes, capacity),
        cdi_gpus=capacity.cdi_gpus[: limits.gpus],
    )


def refused(limits: Limits) -> Iterator[tuple[str, str]]:
    """What an engine would refuse, or take for no limit: fields of `resources`, each with what is wrong with it."""
    if limits.cpus is not None and limits.cpus < LEAST_CPUS:
        yield "limits.cpu", _LITTLE_CPU
    yield from _too_little("limits.memory", limits.memory_bytes)
    if limits.reserved_memory_bytes:  # Kubernetes takes 0 for what reserves nothing, and so does the engine.
        yield from _too_little("requests.memory", limits.reserved_memory_bytes)
    for name, most, least in (
        ("cpu", limits.cpus, limits.reserved_cpus),
        ("memory", limits.memory_bytes, limits.reserved_memory_bytes),
    ):
        if most is not None and least is not None and least > most:
            yield (
                f"requests.{name}",
                f"resources.requests.{name} is more than its limit; write at most what resources.limits.{name} says",
            )


def told(limits: Limits, granted: Limits) -> str:
    """In one line, what is less than was asked for; empty where nothing is."""
    if (limits.cpus, limits.memory_bytes) == (granted.cpus, granted.memory_bytes):
        return ""
    return f"instances get {_size(granted)} instead of {_size(limits)}: the engine has no more"


def quantity(text: str) -> Decimal:
    """A number as Kubernetes writes it, such as `0.5`, `500m` or `1Gi`.

    Raises:
        ValueError: it is none.
    """
    found = _QUANTITY.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no quantity; write one such as 0.5, 500m or 1Gi")
    return Decimal(found["number"]) * _UNITS[found["unit"] or ""]


def _cpus(resources: Mapping[str, Any]) -> float | None:
    return float(quantity(str(resources["cpu"]))) if "cpu" in resources else None


def _memory(resources: Mapping[str, Any]) -> int | None:
    return int(quantity(str(resources["memory"]))) if "memory" in resources else None


def _gpus(resources: Mapping[str, Any]) -> int:
    return max(
        (ceil(quantity(str(resources[name]))) for name in ("gpu", "nvidia.com/gpu") if name in resources), default=0
    )


def _too_little(field: str, memory: int | None) -> Iterator[tuple[str, str]]:
    if memory is not None and memory < LEAST_MEMORY_BYTES:
        message = (
            f"resources.{field} is {memory} bytes, less than the engine's least; write 6Mi or more, or leave it out"
        )
        yield field, message


def _cpus_within(wanted: float | None, capacity: Capacity) -> float | None:
    return None if wanted is None else min(wanted, float(capacity.cpus))


def _memory_within(wanted: int | None, capacity: Capacity) -> int | None:
    return None if wanted is None else min(wanted, capacity.memory_bytes)


def _size(limits: Limits) -> str:
    cpus = None if limits.cpus is None else f"{limits.cpus:g} CPUs"
    memory = None if limits.memory_bytes is None else f"{limits.memory_bytes / _GIB:.3g} GiB"
    return " and ".join(filter(None, (cpus, memory)))
