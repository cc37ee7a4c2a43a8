"""Traffic that moves in steps: where it came from, where it goes, how far it is, and what may let it go on."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import Any, Self

from reconciler.frozen import dataclass

Shares = Mapping[str, int]
"""Percent of an endpoint's requests by deployment; none is as good as 0."""


@dataclass(frozen=True)
class Gates:
    """What the receiving deployments must keep to, from the begin of a step on.

    Args:
        error_rate: the largest share of failed requests, 0 to 1; None for any.
        p95_ms: the longest that the fastest 95 % of the requests may take; None for any.
        min_requests: so many must have been answered before anything is judged.
    """

    error_rate: float | None = None
    p95_ms: float | None = None
    min_requests: int = 0


@dataclass(frozen=True)
class Rollout:
    """Traffic on its way.

    Args:
        id: of the operation that began it; another one replaces it.
        before: the traffic that it left.
        after: the traffic to which it leads.
        steps: percents of the way, rising to 100.
        pause_s: how long a step is in force at least, in seconds.
        returns: whether a gate that is not kept leads back to `before`; else it holds.
        place: which of the steps is in force, counted from 0.
        since: when that step began, in seconds since the epoch.
        held: why it does not go on although the pause is over; empty while it does.
        returned: why it went back; empty while it has not. It is then over.
    """

    id: str
    before: Shares
    after: Shares
    steps: tuple[int, ...]
    pause_s: float
    gates: Gates = field(default_factory=Gates)
    returns: bool = True
    place: int = 0
    since: float = 0.0
    held: str = ""
    returned: str = ""

    @property
    def percent(self) -> int:
        """How far it is."""
        return self.steps[self.place]

    @property
    def done(self) -> bool:
        """Whether all of the traffic is where it should be."""
        return not self.returned and self.percent == 100

    @property
    def unfinished(self) -> bool:
        """Whether anything is still to come."""
        return not self.returned and not self.done

    @property
    def traffic(self) -> dict[str, int]:
        """The traffic that is in force."""
        return dict(self.before) if self.returned else shares_at(self.before, self.after, self.percent)

    @property
    def receiving(self) -> frozenset[str]:
        """The deployments that get more than they had."""
        return receiving(self.before, self.after)

    def at(self, place: int, now: float) -> Self:
        """The same with another step in force."""
        return replace(self, place=place, since=now, held="")

    def __str__(self) -> str:
        """Say it in words; times of day are of UTC."""
        if self.returned:
            return f"roll-out returned: {self.returned}"
        since, then = (f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}" for at in (self.since, self.since + self.pause_s))
        coming = f"held: {self.held}" if self.held else f"next step at {then}"
        return f"roll-out at {self.percent} % since {since}, {coming} (UTC)"

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """Read back what `dataclasses.asdict` and JSON made of it."""
        return cls(**{**values, "steps": tuple(values["steps"]), "gates": Gates(**values["gates"])})


def begun(
    policy: Mapping[str, Any] | None, before: Shares, after: Shares, *, operation: str, now: float
) -> Rollout | None:
    """A roll-out at its first step; None where the traffic moves at once.

    Args:
        policy: `rollout` of the endpoint, as mlops.yaml is read.
        before: the traffic in force.
        after: the traffic that is wanted.
        operation: the id of the operation that moves it.
        now: seconds since the epoch.
    """
    if not policy or not any(before.values()) or not receiving(before, after):
        return None
    steps = tuple(policy["steps"])
    if steps[0] == 100:
        return None
    gates, returns = Gates(**policy["gates"]), policy["on_failure"] == "return"
    return Rollout(operation, before, after, steps, policy["pause"], gates, returns, since=now)


def receiving(before: Shares, after: Shares) -> frozenset[str]:
    """The deployments that get more than they had."""
    return frozenset(name for name, share in after.items() if share > before.get(name, 0))


def shares_at(before: Shares, after: Shares, percent: int) -> dict[str, int]:
    """Traffic on a part of the way, in whole percents that sum to as much as before and after do.

    What a deployment gains is rounded up, so that one which is to get any gets some from the first step on; what it
    gains, the others lose, each as nearly as whole percents allow.

    Args:
        before: the traffic at 0 percent of the way.
        after: the traffic at 100 percent.
        percent: of the way.
    """
    names = sorted(before.keys() | after.keys())
    way = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    moved = {name: -(-gain * percent // 100) for name, gain in way.items() if gain > 0}
    losses = {name: -loss for name, loss in way.items() if loss < 0}
    moved |= {name: -loss for name, loss in _spread(sum(moved.values()), losses).items()}
    shares = {name: before.get(name, 0) + moved.get(name, 0) for name in names}
    return {name: share for name, share in shares.items() if share}


def spoken(seconds: float) -> str:
    """A duration in its largest whole unit, such as `90s` or `5m`."""
    units = ((86400, "d"), (3600, "h"), (60, "m"))
    size, unit = next(((size, unit) for size, unit in units if seconds >= size and not seconds % size), (1, "s"))
    return f"{seconds / size:g}{unit}"


def _spread(total: int, most: Shares) -> dict[str, int]:
    """A whole number spread over names in proportion to the most that each can take (largest remainders)."""
    whole = sum(most.values())
    if not whole:
        return {}
    total = min(total, whole)
    given = {name: total * share // whole for name, share in most.items()}
    rest = sorted(most, key=lambda name: (-(total * most[name] % whole), name))
    for name in rest[: total - sum(given.values())]:
        given[name] += 1
    return given
