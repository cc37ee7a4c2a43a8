"""Traffic as stacked bars: which deployment gets how much of an endpoint's requests before and after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.plan import FieldChange, Step
from reconciler.core.state import Drift
from reconciler.render.html_parts import code, cut, esc, some

Shares = Mapping[str, int]

MOST_SHIFTS = 40
"""So many endpoints have bars."""

_SEEN = 6  # endpoints at first sight; the bars of more are folded
_COLOURS = 6
_NAMED, _NUMBERED = 25, 10  # percent of a bar into which a name, a number fits, also on a phone
_OTHERS = "(others)"
_TRAFFIC, _MIRROR = "traffic", "mirror_traffic"


@dataclass(frozen=True)
class Shift:
    """The shares of one endpoint, before and after; mirrored requests are copies, and count apart."""

    endpoint: str
    before: Shares
    after: Shares
    mirrored_before: Shares = field(default_factory=dict)
    mirrored_after: Shares = field(default_factory=dict)


def planned_shifts(steps: Iterable[Step]) -> list[Shift]:
    """What a plan makes of the traffic, from the first step of an endpoint to its last."""
    ends: dict[str, tuple[Step, Step]] = {}
    for step in steps:
        if step.address.kind == "endpoint":
            ends[step.address.name] = (ends.get(step.address.name, (step, step))[0], step)
    shifts = (
        Shift(
            name,
            *(_shares((spec or {}).get(_TRAFFIC)) for spec in (first.before, last.after)),
            *(_shares((spec or {}).get(_MIRROR)) for spec in (first.before, last.after)),
        )
        for name, (first, last) in ends.items()
    )
    return [shift for shift in shifts if _moves(shift)]


def drifted_shifts(drifts: Iterable[Drift]) -> list[Shift]:
    """What is recorded and what is live, of endpoints whose traffic is not as recorded.

    Only what differs is known; of whole traffic, the rest is what the others get.
    """
    shifts = (
        Shift(
            drift.address.name,
            *_with_others(*_sides(drift.fields, _TRAFFIC)),
            *_sides(drift.fields, _MIRROR),
        )
        for drift in drifts
        if drift.address.kind == "endpoint"
    )
    return [shift for shift in shifts if _moves(shift)]


def _moves(shift: Shift) -> bool:
    return shift.before != shift.after or shift.mirrored_before != shift.mirrored_after


def _sides(fields: Iterable[FieldChange], name: str) -> tuple[Shares, Shares]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for change in fields:
        if change.path == name:
            before |= change.before if isinstance(change.before, Mapping) else {}
            after |= change.after if isinstance(change.after, Mapping) else {}
        elif change.path.startswith(f"{name}."):
            deployment = change.path.removeprefix(f"{name}.")
            before[deployment], after[deployment] = change.before, change.after
    return _shares(before), _shares(after)


def _with_others(before: Shares, after: Shares) -> tuple[Shares, Shares]:
    rest = 100 - sum(before.values())
    if rest <= 0 or not before or sum(before.values()) != sum(after.values()):
        return before, after
    return {**before, _OTHERS: rest}, {**after, _OTHERS: rest}


def _shares(found: Any) -> Shares:
    """Whole percents above none; what a damaged live side says else is in the fields, and in no bar."""
    if not isinstance(found, Mapping):
        return {}
    return {str(name): share for name, share in sorted(found.items()) if _is_share(share)}


def _is_share(share: Any) -> bool:
    return isinstance(share, int) and not isinstance(share, bool) and 0 < share <= 100


def traffic(shifts: Sequence[Shift], sides: tuple[str, str]) -> str:
    """A part of the page with the bars of every endpoint whose traffic moves.

    Args:
        shifts: what moves.
        sides: the words for before and after.
    """
    if not shifts:
        return ""
    left = len(shifts) - MOST_SHIFTS
    more = f"<p>Traffic of {some(left, 'more endpoint')} moves, too; the list has it.</p>" if left > 0 else ""
    figures = [_figure(shift, sides) for shift in sorted(shifts, key=_weight)[:MOST_SHIFTS]]
    shown, rest = "".join(figures[:_SEEN]), "".join(figures[_SEEN:])
    if rest:
        rest = f"<details><summary>{some(len(figures) - _SEEN, 'more endpoint')}</summary>{rest}{more}</details>"
    return f'<section aria-labelledby="h-traffic"><h2 id="h-traffic">Traffic</h2>{shown}{rest}</section>'


def _weight(shift: Shift) -> tuple[bool, str]:
    """What moves from somewhere matters more than what begins."""
    return not shift.before, shift.endpoint


def _figure(shift: Shift, sides: tuple[str, str]) -> str:
    names = list(
        dict.fromkeys((*_names(shift.before, shift.after), *_names(shift.mirrored_before, shift.mirrored_after)))
    )
    looks, mirrored = _looks(names), (shift.mirrored_before, shift.mirrored_after)
    mirrors = any(mirrored)
    bars = "".join(
        _bar(side, shares, looks) + (_bar("mirrored", copies, looks, look=" thin") if mirrors else "")
        for side, shares, copies in zip(sides, (shift.before, shift.after), mirrored, strict=True)
    )
    return (
        f'<figure class="card shift"><figcaption><h3>{code(shift.endpoint)}</h3></figcaption>'
        f'<div class="bars" aria-hidden="true">{bars}</div>{_table(shift, looks, sides)}</figure>'
    )


def _names(before: Shares, after: Shares) -> list[str]:
    """In the order of the bars: by name, what is not told apart last."""
    return [name for name, _ in sorted({**before, **after}.items(), key=_place)]


def _place(share: tuple[str, int]) -> tuple[bool, str]:
    return share[0] == _OTHERS, share[0]


def _looks(names: Sequence[str]) -> dict[str, str]:
    """A colour a deployment; those that are named by a colour have it."""
    named = {"blue": "s-blue", "green": "s-green", _OTHERS: "s-others"}
    numbered = iter(range(len(names)))
    return {name: named.get(name) or f"s-{next(numbered) % _COLOURS}" for name in names}


def _bar(said: str, shares: Shares, looks: Mapping[str, str], *, look: str = "") -> str:
    segments = _segments(shares, looks) if shares else '<span class="nil">none</span>'
    return f'<div class="side{look}"><span class="when">{said}</span><div class="bar">{segments}</div></div>'


def _segments(shares: Shares, looks: Mapping[str, str]) -> str:
    whole = max(100, sum(shares.values()))
    return "".join(
        f'<span class="seg {looks[name]}{"" if share >= _NAMED else " few"}" style="width:{100 * share / whole:.4g}%">'
        f"{_label(name, share)}</span>"
        for name, share in sorted(shares.items(), key=_place)
    )


def _label(name: str, share: int) -> str:
    """What fits into a share of a bar; the table beside it has it all."""
    if share >= _NAMED:
        return f"{esc(cut(name, 40))} {share} %"
    return f"{share} %" if share >= _NUMBERED else ""


def _table(shift: Shift, looks: Mapping[str, str], sides: tuple[str, str]) -> str:
    rows = [(name, name, shift.before, shift.after) for name in _names(shift.before, shift.after)]
    mirrored = _names(shift.mirrored_before, shift.mirrored_after)
    rows += [(name, f"{name}, mirrored", shift.mirrored_before, shift.mirrored_after) for name in mirrored]
    body = "".join(
        f'<tr><th scope="row"><span class="swatch {looks[name]}"></span>{esc(cut(said, 80))}</th>'
        f"<td>{before.get(name, 0)} %</td><td>{after.get(name, 0)} %</td></tr>"
        for name, said, before, after in rows
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("deployment", *sides))
    return f'<table class="shares"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
