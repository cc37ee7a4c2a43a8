"""Parts of an HTML report: foreign text made inert, codes, icons, marks, and how much of a report is left to fill."""

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, Outcome, Result, Step
from reconciler.core.state import DriftClass
from reconciler.render.values import printable

NOBODY: Mapping[Source, Blame] = MappingProxyType({})
"""No line of which it is known who wrote it."""

NOT_BEGUN = "not_begun"
"""How a step ended that nothing is known of."""

# Strokes on a field of 16 by 16, so that a report depends on no font.
_STROKES = {
    Action.CREATE: "M8 3v10M3 8h10",
    Action.SCALE: "M8 2.5v11M5 5.5l3-3 3 3M5 10.5l3 3 3-3",
    Action.ROLL_OUT: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3.2H9.8",
    Action.UPDATE: "M2.5 9.5c1.8-4 3.8-3 5.5-1.5s3.7 2.5 5.5-1.5",
    Action.ROUTE: "M2 8h3.5c3 0 2-4 7.5-4M5.5 8c3 0 2 4 7.5 4M11 2l2.5 2-2.5 2M11 10l2.5 2-2.5 2",
    Action.DELETE: "M3 8h10",
    Result.SUCCEEDED: "M3 8.5l3.5 3.5L13 4.5",
    Result.FAILED: "M4 4l8 8M12 4l-8 8",
    Result.SKIPPED: "M4 4l5 4-5 4zM12 4v8",
    Result.UNKNOWN: "M5.5 6a2.5 2.5 0 1 1 4 2c-1 .7-1.5 1.2-1.5 2.2M8 12.8v.4",
    DriftClass.CHANGED: "M2.5 9.5c1.8-4 3.8-3 5.5-1.5s3.7 2.5 5.5-1.5",
    DriftClass.MISSING: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM4.2 4.2l7.6 7.6",
    DriftClass.UNMANAGED: "M5.5 6a2.5 2.5 0 1 1 4 2c-1 .7-1.5 1.2-1.5 2.2M8 12.8v.4",
    DriftClass.LABEL: "M2.5 8V3h5l6 6-5 5zM5.3 5.8v.1",
    DriftClass.EXPECTED: "M3.5 6h9M3.5 10h9",
    NOT_BEGUN: "M8 3a5 5 0 1 1 0 10 5 5 0 0 1 0-10z",
    "warning": "M8 2.5l6 11H2zM8 6.5v3.5M8 11.8v.2",
}


_COMMAND = re.compile("`([^`<]*)`")


class Room:
    """How many rows a report may still take, and how many lists may be compared item by item.

    A plan of thousands of steps has hundreds of thousands of fields, of which no page of any use can show all.
    """

    def __init__(self, *, rows: int = 6000, lists: int = 100) -> None:
        self.rows = rows
        self.lists = lists


def esc(text: str) -> str:
    """Foreign text in an element or an attribute; raw in the log of a CI's job it is no command either."""
    return html.escape(printable(text)).replace("##", "#&#35;").replace("::", ":&#58;").replace("`", "&#96;")


def code(text: str) -> str:
    """Foreign text as what it is: not our words."""
    return f"<code>{esc(text)}</code>"


def said(text: str) -> str:
    """Words of our own with commands in backticks, of which escaped text has none."""
    return _COMMAND.sub(r"<code>\1</code>", text)


def cut(text: str, longest: int) -> str:
    """The text, or as much of it as fits."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def words(name: str) -> str:
    """The name of an action or a result, as words."""
    return name.replace("_", " ")


def counted(steps: Iterable[Step], outcomes: Mapping[int, Outcome] | None) -> dict[str, int]:
    """How many steps do what; of an apply, how many ended how."""
    if outcomes is None:
        counts = Counter(str(step.action) for step in steps)
    else:
        counts = Counter(str(outcomes[step.id].result) if step.id in outcomes else NOT_BEGUN for step in steps)
    return {name: counts[name] for name in _STROKES if counts[name]}


def some(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def icon(name: str) -> str:
    """A sign that goes with a word and says nothing by itself."""
    known = name if name in _STROKES else DriftClass.CHANGED
    return f'<svg class="i" aria-hidden="true"><use href="#i-{known}"/></svg>'


def pill(name: str, more: str = "") -> str:
    """An action, a result or a class of drift: sign, word and colour."""
    known = name if name in _STROKES else DriftClass.CHANGED
    return f'<span class="pill k-{known}">{icon(name)}{esc(words(name))}{more}</span>'


def icons(names: Iterable[str] = tuple(_STROKES)) -> str:
    """What `icon` refers to."""
    drawn = "".join(
        f'<symbol id="i-{name}" viewBox="0 0 16 16"><path d="{_STROKES[name]}"/></symbol>' for name in names
    )
    return f'<svg width="0" height="0" class="off" aria-hidden="true">{drawn}</svg>'
