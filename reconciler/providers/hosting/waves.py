"""In which waves instances are replaced: pure arithmetic, so that no moment has too few of them in service."""

from collections.abc import Sequence

from reconciler.core.manifest import Spec
from reconciler.frozen import dataclass

_PERCENT = 20


@dataclass(frozen=True)
class Wave:
    """Start some instances; once they are in service, take those that are leaving out of it and stop them."""

    start: int
    leaving: tuple[str, ...] = ()


def wave_size(spec: Spec) -> int:
    """How many instances of a deployment are replaced at once: one on Kubernetes, elsewhere 20 %, rounded up."""
    return 1 if spec.get("type") == "kubernetes" else max(1, -(-int(spec["instance_count"]) * _PERCENT // 100))


def waves(leaving: Sequence[str], *, kept: int, count: int, size: int) -> tuple[Wave, ...]:
    """Return the waves after which exactly `count` instances are in service and none that is leaving.

    There are never fewer than before or than `count`, whichever is less, and never more than either and a wave.

    Args:
        leaving: instances in service that are to go, in the order in which they do.
        kept: how many more are in service and stay.
        count: how many are to be in service in the end, at least `kept`.
        size: how many are started at once, at least 1.
    """
    found: list[Wave] = []
    rest = tuple(leaving)
    while kept < count or rest:
        start = min(size, count - kept)
        kept += start
        surplus = max(0, kept + len(rest) - count)
        found.append(Wave(start, rest[:surplus]))
        rest = rest[surplus:]
    return tuple(found)
