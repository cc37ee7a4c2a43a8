"""A field before and after, in one line or, for lists and mappings that changed inside, in one line an item."""

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.core.manifest import Source
from reconciler.core.plan import FieldChange
from reconciler.kinds import KINDS
from reconciler.render.values import Veil, one_line

# What is amiss has no value that it changes from or to: it is there, or not.
_SYMPTOMS = frozenset(name for kind in KINDS.values() for name in kind.symptoms)


ABSENT = object()
"""Where there was, or will be, nothing; None is a value that shows."""


def field_rows(fields: Iterable[FieldChange], veil: Veil, *, created: bool) -> list[tuple[str, str, Source | None]]:
    """Of fields what changed, how, and where that was written."""
    rows = []
    for field in fields:
        path, source = field.path, field.source
        if created and field.before is None and path not in _SYMPTOMS:  # as nearly all of a large plan are
            rows.append((path, one_line(field.after, veil), source))
        else:
            rows += [(place, how, source) for place, how in field_lines(field, veil, created=created)]
    return rows


def field_lines(field: FieldChange, veil: Veil, *, created: bool = False) -> Iterator[tuple[str, str]]:
    """Pairs of what changed and how: `instance_count`, `1 -> 3`; a created field has nothing before."""
    listed = _is_listed(field)
    for path, before, after in field_values(field, veil, created=created):
        if before is ABSENT:
            yield path, f"{'+ ' if listed else ''}{one_line(after, veil)}"
        elif after is ABSENT:
            yield path, f"- {one_line(before, veil)}"
        else:
            yield path, f"{one_line(before, veil)} -> {one_line(after, veil)}"


def field_values(field: FieldChange, veil: Veil, *, created: bool = False) -> Iterator[tuple[str, Any, Any]]:
    """What changed, as it was and as it will be, either of which may be ABSENT; values may hold secrets still."""
    if _is_listed(field):
        yield from _items(field, veil)
    elif field.path in _SYMPTOMS:
        yield field.path, ABSENT, field.before if field.after is None else field.after
    else:
        yield field.path, ABSENT if created and field.before is None else field.before, field.after


def _is_listed(field: FieldChange) -> bool:
    return isinstance(field.before, list) and isinstance(field.after, list)


def _items(field: FieldChange, veil: Veil) -> Iterator[tuple[str, Any, Any]]:
    """The items that came, went or changed; DeepDiff pairs the ones that are alike."""
    from deepdiff import DeepDiff  # noqa: PLC0415 - heavy, and only a changed list needs it

    # Veiled before they are compared, or what differs of a secret would be its digest. Bounded: pairing items that are
    # alike is quadratic, and a few hundred hostile bytes would take it seconds.
    found = DeepDiff(
        veil.over(field.before),
        veil.over(field.after),
        ignore_order=True,
        report_repetition=True,
        view="tree",
        max_passes=100,
        max_diffs=10_000,
    )
    for report, items in sorted(found.items()):
        for item in sorted(items, key=lambda level: str(level.path())):
            yield _item(field.path, report, item)


def _item(path: str, report: str, level: Any) -> tuple[str, Any, Any]:
    keys = level.path(output_format="list")
    place = path + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    came, went = report.endswith("_added"), report.endswith("_removed")
    return place, ABSENT if came else level.t1, ABSENT if went else level.t2
