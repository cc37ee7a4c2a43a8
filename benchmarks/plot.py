"""Lines in a plot whose both axes are logarithmic, as SVG: each is named where it ends, in a light and a dark page."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 56, 60
LINE_PX = 17  # between two names
# Of each line, on white and on black; told apart also by those who see few colours, as the names stand beside them.
COLOURS = (
    ("#b3261e", "#ff8a80"),
    ("#d4572a", "#ffb199"),
    ("#5f6368", "#b0b5ba"),
    ("#0b6bcb", "#7db8ff"),
    ("#8a4b00", "#ffb866"),
    ("#6a3ea1", "#c9a6ff"),
    ("#00706b", "#5fd6cd"),
    ("#a0176b", "#ff8fd0"),
    ("#4d6b00", "#b7d95c"),
    ("#7a5c00", "#e6cf5e"),
)
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; }
.page { fill: #ffffff; } .grid { stroke: #d8dee4; } .line { fill: none; stroke-width: 2; } .first { stroke-width: 4; }
.title { font-size: 16px; font-weight: 600; } .name { font-weight: 600; } .axis { fill: #57606a; }
"""
DARK = """\
text { fill: #e6edf3; stroke: #0d1117; } .page { fill: #0d1117; } .grid { stroke: #30363d; } .axis { fill: #9198a1; }
"""


class Scale(NamedTuple):
    """A logarithmic axis: from the power of ten of `low` at the pixel `start` to that of `high` at `end`."""

    low: int
    high: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> Iterator[float]:
        """The powers of ten."""
        return (10.0**power for power in range(self.low, self.high + 1))


Line = Mapping[float, float]


def plot(title: str, axes: tuple[str, str], lines: Mapping[str, Line]) -> str:
    """The whole file; the first line is the one that it is about.

    Args:
        title: above it.
        axes: what x and y are.
        lines: by name, y by x; all of them above 0.
    """
    drawn = {name: dict(sorted(line.items())) for name, line in lines.items() if line}
    x = _scale([each for line in drawn.values() for each in line], LEFT, WIDTH - RIGHT)
    y = _scale([each for line in drawn.values() for each in line.values()], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{_style(len(drawn))}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="30">{escape(title)}</text>',
        *_axes(axes, x, y),
        *(_line(number, line, x, y) for number, line in reversed([*enumerate(drawn.values())])),
        *_names(drawn, x, y),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return Scale(low, max(high, low + 1), start, end)


def _style(count: int) -> str:
    light, dark = (
        "".join(f".c{n} {{ stroke: {c}; }} circle.c{n} {{ fill: {c}; }} text.t{n} {{ fill: {c}; }}\n" for n, c in each)
        for each in zip(*(((n, light), (n, dark)) for n, (light, dark) in _colours(count)), strict=True)
    )
    return f"{STYLE}{light}@media (prefers-color-scheme: dark) {{\n{DARK}{dark}}}\n"


def _colours(count: int) -> Iterator[tuple[int, tuple[str, str]]]:
    return ((number, COLOURS[number % len(COLOURS)]) for number in range(count))


def _axes(axes: tuple[str, str], x: Scale, y: Scale) -> Iterator[str]:
    for tick in x.ticks:
        yield f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{y.end}" y2="{y.start}"/>'
        yield f'<text class="axis" x="{x(tick):.1f}" y="{y.start + 20}" text-anchor="middle">{tick:,.0f}</text>'
    for tick in y.ticks:
        yield f'<line class="grid" x1="{x.start}" x2="{x.end}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        yield f'<text class="axis" x="{x.start - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,g}</text>'
    middle, base = (x.start + x.end) / 2, y.start + 44
    yield f'<text class="axis" x="{middle:.1f}" y="{base}" text-anchor="middle">{escape(axes[0])}</text>'
    yield f'<text class="axis" x="{x.start - 8}" y="{y.end - 14}" text-anchor="end">{escape(axes[1])}</text>'


def _line(number: int, line: Line, x: Scale, y: Scale) -> str:
    places = [(x(size), y(value)) for size, value in line.items()]
    kind = f"line c{number}{' first' if number == 0 else ''}"
    path = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
    dots = "".join(f'<circle class="c{number}" cx="{left:.1f}" cy="{top:.1f}" r="4"/>' for left, top in places)
    return f'<polyline class="{kind}" points="{path}"/>{dots}'


def _names(lines: Mapping[str, Line], x: Scale, y: Scale) -> Iterator[str]:
    """Each name right of where its line ends, none upon another."""
    by_end: dict[float, list[tuple[float, int, str]]] = {}
    for number, (name, line) in enumerate(lines.items()):
        size, value = [*line.items()][-1]
        by_end.setdefault(size, []).append((y(value), number, name))
    for size, named in by_end.items():
        named.sort()
        for top, (_, number, name) in zip(apart([top for top, _, _ in named], LINE_PX), named, strict=True):
            yield f'<text class="name t{number}" x="{x(size) + 10:.1f}" y="{top + 4:.1f}">{escape(name)}</text>'


def apart(places: Sequence[float], least: float) -> list[float]:
    """Sorted places, moved until each is that far from the next; a heap stays about where it is."""
    heaps: list[list[float]] = []
    for place in places:
        heaps.append([place])
        while len(heaps) > 1 and _spread(heaps[-2], least)[-1] + least > _spread(heaps[-1], least)[0]:
            heaps[-2:] = [heaps[-2] + heaps[-1]]
    return [place for heap in heaps for place in _spread(heap, least)]


def _spread(heap: Sequence[float], least: float) -> list[float]:
    first = sum(heap) / len(heap) - least * (len(heap) - 1) / 2
    return [first + least * number for number in range(len(heap))]
