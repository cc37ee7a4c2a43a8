"""The table: what was measured, its goal, whether it is met, and how it stands to a peer of the same run."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from measuring import Cost, median


@dataclass(frozen=True)
class Point:
    """What one program takes for a number of its resources that are all as they should be.

    Args:
        each: what one of its resources is.
        runs: how many there were; the cost is their median.
    """

    name: str
    version: str
    each: str
    size: int
    cost: Cost
    runs: int


@dataclass(frozen=True)
class Row:
    """One measured thing.

    Args:
        value: in `unit`, as is the goal.
        goal: the most that it should be, or the least with `at_least`; None when it is told for information.
        ratio: to the peer, measured in turns with it.
        note: what else was seen.
        point: of the comparison by size, where the row is one of it.
    """

    what: str
    value: float
    unit: str
    goal: float | None = None
    peer: str = ""
    ratio: float | None = None
    note: str = ""
    at_least: bool = False
    point: Point | None = None

    @property
    def is_met(self) -> bool:
        """Whether the goal is met; always so without one."""
        if self.goal is None:
            return True
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True)
class Absent:
    """Something that could not be measured on this machine, and why.

    Args:
        name: of a program in the comparison by size.
        size: the number of resources that it was not asked for; 0 for all.
    """

    what: str
    reason: str
    name: str = ""
    size: int = 0


@dataclass(frozen=True)
class Failed:
    """A section that could not be measured."""

    section: str
    error: str


def compared(
    what: str,
    costs: Sequence[Cost],
    peer: tuple[str, Sequence[Cost]],
    *,
    by: Literal["cpu", "wall"] = "cpu",
    goal: float | None = None,
) -> Row:
    """The row of a command beside a peer that took turns with it."""
    name, others = peer
    typical = median(costs)
    ratio = statistics.median(getattr(one, by) / getattr(other, by) for one, other in zip(costs, others, strict=True))
    note = f"wall {typical.wall:.2f} s" if by == "cpu" else f"CPU {typical.cpu:.2f} s"
    unit = "s CPU" if by == "cpu" else "s wall"
    beside = f"{name}: {getattr(median(others), by):.3f}"
    return Row(what, getattr(typical, by), unit, goal, beside, ratio, f"{note}, {typical.mb:.0f} MB")


def printed(rows: Iterable[Row | Absent | Failed]) -> str:
    """The whole table as text."""
    head = f"{'':<48}{'goal':>8}{'measured':>10} {'':<8}{'met':<5}{'beside, in the same run':<42}{'ratio':>7}  {'and'}"
    return "\n".join([head.rstrip(), *(_line(row) for row in rows)])


def _line(row: Row | Absent | Failed) -> str:
    if isinstance(row, Failed):
        return f"{row.section}: FAILED: {row.error}"
    if isinstance(row, Absent):
        return f"{row.what:<48}{'':>8}absent: {row.reason}"
    goal = "" if row.goal is None else f"{'>= ' if row.at_least else ''}{row.goal:.3g}"
    met = "" if row.goal is None else "yes" if row.is_met else "NO"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    value = f"{row.value:.3f}" if row.value < 10 else f"{row.value:.0f}"
    return f"{row.what:<48}{goal:>8}{value:>10} {row.unit:<8}{met:<5}{row.peer:<42}{ratio:>7}  {row.note}".rstrip()
