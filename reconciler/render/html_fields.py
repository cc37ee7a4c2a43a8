"""Fields of a step or a drift as a table: name and place, before, after."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import FieldChange
from reconciler.render.fields import ABSENT, field_values
from reconciler.render.html_parts import NOBODY, Room, code, cut, esc, some
from reconciler.render.values import Veil, whole_line

_SHOWN, _LONGEST = 160, 4000

Row = tuple[FieldChange, str, Any, Any]


class Sides(NamedTuple):
    """The words for before and after, and how values look there."""

    before: str
    after: str
    looks: tuple[str, str] = ("was", "will")


@dataclass(frozen=True)
class Known:
    """What a report needs to write fields: numbers for secrets, who wrote which line, and the room that is left."""

    blame: Mapping[Source, Blame] = field(default_factory=lambda: NOBODY)
    veil: Veil = field(default_factory=Veil)
    room: Room = field(default_factory=Room)


def fields_table(fields: Sequence[FieldChange], known: Known, sides: Sides, *, created: bool = False) -> str:
    """The fields that fit into what is left of the report; in words how many do not.

    Args:
        fields: what changes.
        known: what is known besides.
        sides: what before and after are called.
        created: whether there is nothing before, which then has no column.
    """
    if not fields:
        return ""
    rows = list(itertools.islice(_rows(fields, known, created=created), known.room.rows))
    known.room.rows -= len(rows)
    if not rows:
        return f'<p class="hint">{some(len(fields), "field")}, which the plan as JSON or text tells.</p>'
    single = all(before is ABSENT for _, _, before, _ in rows)
    heads = ("value",) if single else sides[:2]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("field", *heads))
    looks = None if single else sides.looks
    body = "".join(_row(row, known, looks) for row in rows)
    return f'<table class="fields n{len(heads)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _rows(fields: Iterable[FieldChange], known: Known, *, created: bool) -> Iterator[Row]:
    for change in fields:
        for path, before, after in _values(change, known, created=created):
            yield change, path, before, after


def _values(change: FieldChange, known: Known, *, created: bool) -> Iterator[tuple[str, Any, Any]]:
    """A changed list item by item, until that took long enough; then as a whole."""
    if isinstance(change.before, list) and isinstance(change.after, list):
        if known.room.lists <= 0:
            yield change.path, change.before, change.after
            return
        known.room.lists -= 1
    yield from field_values(change, known.veil, created=created)


def _row(row: Row, known: Known, looks: tuple[str, str] | None) -> str:
    change, path, before, after = row
    was = f"<td>{_value(before, looks[0], known.veil)}</td>" if looks else ""
    return (
        f'<tr><th scope="row"><code class="path">{esc(cut(path, 400))}</code>{_place(change.source, known.blame)}</th>'
        f"{was}<td>{_value(after, looks[1] if looks else '', known.veil)}</td></tr>"
    )


def _place(source: Source | None, blame: Mapping[Source, Blame]) -> str:
    """Where a field is written, and who did in which commit."""
    if source is None:
        return ""
    place = f'<span class="place">{esc(str(source))}</span>'
    by = blame.get(source)
    if by is None:
        return place
    why = cut(f"{by.date} {by.summary}".strip(), 200)
    return f'{place}<span class="by" title="{esc(why)}">{esc(cut(str(by), 80))}</span>'


def _value(value: Any, look: str, veil: Veil) -> str:
    """One value; of a long one the begin, the rest of it folded."""
    if value is ABSENT:
        return ""
    text = whole_line(value, veil)
    nothing = " none" if value is None else ""
    if len(text) <= _SHOWN:
        return f'<code class="{look}{nothing}">{esc(text)}</code>'
    rest = len(text) - _LONGEST
    more = f'<p class="hint">and {rest:,} more characters</p>' if rest > 0 else ""
    return (
        f'<details class="long"><summary><code class="{look}">{esc(cut(text, _SHOWN))}</code> '
        f'<span class="hint">{len(text):,} characters</span></summary>{code(cut(text, _LONGEST))}{more}</details>'
    )
