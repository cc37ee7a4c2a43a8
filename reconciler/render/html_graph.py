"""The picture of a plan as SVG: steps from left to right in waves, a lane an endpoint, lines from what a step needs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.plan import Action, Outcome, Result, Step
from reconciler.render.html_layout import Lane, direct, lanes, waves
from reconciler.render.html_parts import NOT_BEGUN, counted, cut, esc, some, words

MOST_STEPS = 60
"""So many steps are drawn one by one; of more, each endpoint is one box with counts."""
MOST_GROUPS = 60
"""So many of those boxes are drawn."""

_LOSSES = frozenset({str(Action.DELETE), str(Result.FAILED), str(Result.UNKNOWN)})
_GUTTER, _TOP, _HEAD, _ROW, _PAD = 140, 26, 30, 54, 10
_WIDE, _HIGH, _GAP = 190, 44, 44
_BOX_WIDE, _BOX_HIGH, _BOXES = 244, 76, 4


def graph(steps: Sequence[Step], outcomes: Mapping[int, Outcome] | None = None) -> str:
    """The picture, in a part of the page that scrolls by itself where it is too wide.

    Args:
        steps: of the plan.
        outcomes: what they did, by their ids; None for a plan that nobody began.
    """
    if not steps:
        return ""
    drawn, said = (_steps, _in_words) if len(steps) <= MOST_STEPS else (_groups, _groups_in_words)
    return (
        '<section aria-labelledby="h-graph"><h2 id="h-graph">Order</h2>'
        f'<p class="hint">{said(steps)}</p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Picture of the plan">'
        f"{drawn(steps, outcomes)}</div></section>"
    )


def _in_words(steps: Sequence[Step]) -> str:
    if len(steps) == 1:
        return "One step."
    deep = 1 + max(waves(steps).values())
    return (
        f"{some(len(steps), 'step')} in {some(deep, 'wave')}, from left to right: a step starts once those whose lines "
        "lead to it have succeeded, beside whatever else can run."
    )


def _groups_in_words(steps: Sequence[Step]) -> str:
    found = lanes(steps)
    left = len(found) - MOST_GROUPS
    more = (
        f"; {MOST_GROUPS} of them, first those that lose something; {left:,} more are in the list below"
        if left > 0
        else ""
    )
    return (
        f"{some(len(steps), 'step')} are too many to be drawn one by one, so each endpoint is one box with what "
        f"happens to it{more}. They run in {some(1 + max(waves(steps).values()), 'wave')}."
    )


def _steps(steps: Sequence[Step], outcomes: Mapping[int, Outcome] | None) -> str:
    columns, found = waves(steps), lanes(steps)
    places = dict(_places(found, columns))
    wide = _GUTTER + (1 + max(columns.values())) * (_WIDE + _GAP) - _GAP + 2 * _PAD
    high = _TOP + sum(map(_height, found))
    parts = [
        *(_wave(number) for number in range(1 + max(columns.values()))),
        *_bands(found, wide),
        *_lines(steps, places),
        *(_node(step, places[step.id], outcomes) for step in steps),
    ]
    return _svg(wide, high, "Steps of the plan and what they wait for", _in_words(steps), parts)


def _svg(wide: int, high: int, title: str, told: str, parts: Iterable[str]) -> str:
    return (
        f'<svg class="graph" role="group" aria-labelledby="g-title g-desc" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}"><title id="g-title">{title}</title><desc id="g-desc">{told}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _height(lane: Lane) -> int:
    return _HEAD + len(lane.rows) * _ROW + _PAD


def _places(found: Iterable[Lane], columns: Mapping[int, int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """The upper left corner of each step's box."""
    top = _TOP
    for lane in found:
        for number, steps in enumerate(lane.rows.values()):
            for step in steps:
                yield step.id, (_GUTTER + _PAD + columns[step.id] * (_WIDE + _GAP), top + _HEAD + number * _ROW)
        top += _height(lane)


def _wave(number: int) -> str:
    return f'<text class="wave" x="{_GUTTER + _PAD + number * (_WIDE + _GAP)}" y="16">wave {number + 1}</text>'


def _bands(found: Iterable[Lane], wide: int) -> Iterator[str]:
    """The lanes with their names, and the names of the resources at the left."""
    top = _TOP
    for lane in found:
        name = f"endpoint {lane.family}" if lane.family else "models and environments"
        yield f'<rect class="band" x="0.5" y="{top + 0.5}" width="{wide - 1}" height="{_height(lane) - 6}" rx="8"/>'
        yield f'<text class="lane" x="{_PAD + 2}" y="{top + 20}">{esc(cut(name, 60))}</text>'
        for number, steps in enumerate(lane.rows.values()):
            middle = top + _HEAD + number * _ROW + _HIGH // 2 + 4
            address = steps[0].address
            yield (
                f'<text class="row" x="{_PAD + 2}" y="{middle}">{esc(cut(_short(steps[0]), 18))}'
                f"<title>{esc(cut(str(address), 500))}</title></text>"
            )
        top += _height(lane)


def _short(step: Step) -> str:
    address = step.address
    if address.version:
        return f"{address.name}:{address.version}"
    return address.name if address.endpoint else address.kind


def _lines(steps: Iterable[Step], places: Mapping[int, tuple[int, int]]) -> Iterator[str]:
    yield (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0.5L8 4 0 7.5z"/></marker></defs>'
    )
    for later, needs in direct(steps).items():
        for earlier in sorted(needs):
            yield _line(earlier, later, places)


def _line(earlier: int, later: int, places: Mapping[int, tuple[int, int]]) -> str:
    (left, top), (right, bottom) = places[earlier], places[later]
    x, y, to_x, to_y = left + _WIDE, top + _HIGH // 2, right - 1, bottom + _HIGH // 2
    bend = _GAP // 2
    path = f"M{x} {y}H{to_x - _GAP + 2}C{to_x - bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    return f'<path class="line" data-from="{earlier}" data-to="{later}" marker-end="url(#tip)" d="{path}"/>'


def _node(step: Step, place: tuple[int, int], outcomes: Mapping[int, Outcome] | None) -> str:
    """One step: what it does and its number, below it why, or how it ended."""
    look, below = str(step.action), cut(step.reason, 27)
    told = cut(f"#{step.id} {words(step.action)} {step.address}: {step.reason}", 500)
    if outcomes is not None:
        outcome = outcomes.get(step.id)
        look = str(outcome.result) if outcome else NOT_BEGUN
        below = _ended(outcome) if outcome else words(NOT_BEGUN)
        told = f"{told}; {below}"
    told = esc(told)
    # A picture in the picture, so that no text leaves its box.
    return (
        f'<a class="node k-{look}" href="#step-{step.id}" aria-label="{told}"><title>{told}</title>'
        f'<svg x="{place[0] - 2}" y="{place[1] - 2}" width="{_WIDE + 4}" height="{_HIGH + 4}" viewBox="-2 -2 '
        f'{_WIDE + 4} {_HIGH + 4}"><rect width="{_WIDE}" height="{_HIGH}" rx="6"/>'
        f'<path class="edge" d="M6 0h-1a5 5 0 0 0-5 5v{_HIGH - 10}a5 5 0 0 0 5 5h1z"/>{_sign(step.action, 5)}'
        f'<text class="does" x="34" y="17">{words(step.action)}</text>'
        f'<text class="number" x="{_WIDE - 8}" y="17">#{step.id}</text>'
        f"{'' if outcomes is None else _sign(look, 24)}"
        f'<text class="why" x="{14 if outcomes is None else 34}" y="35">{esc(below)}</text></svg></a>'
    )


def _sign(name: str, y: int) -> str:
    return f'<use href="#i-{name}" x="13" y="{y}" width="15" height="15"/>'


def _ended(outcome: Outcome) -> str:
    took = f", {outcome.seconds:.1f} s" if outcome.seconds else ""
    return f"{outcome.result}{took}"


def _groups(steps: Sequence[Step], outcomes: Mapping[int, Outcome] | None) -> str:
    """One box an endpoint, with how many steps do what, or how many ended how."""
    counts = [(lane, counted(lane.steps, outcomes)) for lane in lanes(steps)]
    found = sorted(counts, key=lambda each: not _LOSSES & each[1].keys())[:MOST_GROUPS]
    columns = min(_BOXES, len(found))
    wide = columns * (_BOX_WIDE + _PAD) - _PAD
    high = -(-len(found) // columns) * (_BOX_HIGH + _PAD)
    parts = (
        _group(lane, happens, (number % columns) * (_BOX_WIDE + _PAD), number // columns * (_BOX_HIGH + _PAD))
        for number, (lane, happens) in enumerate(found)
    )
    return _svg(wide, high, "Endpoints of the plan and what happens to them", _groups_in_words(steps), parts)


def _group(lane: Lane, counts: Mapping[str, int], x: int, y: int) -> str:
    name = lane.family or "models and environments"
    told = "; ".join(f"{count:,} {words(what)}" for what, count in counts.items())
    signs = "".join(
        f'<g class="k-{what}"><use href="#i-{what}" x="{x + 12 + place * 54}" y="{y + 34}" width="15" height="15"/>'
        f'<text class="does" x="{x + 30 + place * 54}" y="{y + 46}">{_brief(count)}</text></g>'
        for place, (what, count) in enumerate(list(counts.items())[:4])
    )
    return (
        f'<a class="group" href="#lane-{lane.number}" aria-label="{esc(f"{cut(name, 300)}: {told}")}">'
        f"<title>{esc(f'{cut(name, 300)}: {told}')}</title>"
        f'<rect class="band" x="{x + 0.5}" y="{y + 0.5}" width="{_BOX_WIDE - 1}" height="{_BOX_HIGH - 1}" rx="6"/>'
        f'<text class="lane" x="{x + 12}" y="{y + 22}">{esc(cut(name, 28))}</text>{signs}'
        f'<text class="why" x="{x + 12}" y="{y + 66}">{esc(cut(told, 38))}</text></a>'
    )


def _brief(count: int) -> str:
    return f"{count / 1000:.1f}k" if count >= 1000 else str(count)
