"""A field before and after, in one line or, for lists and mappings that changed inside, in one line an item."""

from collections.abc import Iterator
from typing import Any

from reconciler.core.plan import FieldChange
from reconciler.kinds import KINDS
from reconciler.render.values import Veil, one_line

# What is amiss has no value that it changes from or to: it is there, or not.
_SYMPTOMS = frozenset(name for kind in KINDS.values() for name in kind.symptoms)


def field_lines(field: FieldChange, veil: Veil, *, created: bool = False) -> Iterator[tuple[str, str]]:
    """Pairs of what changed and how: `instance_count`, `1 -> 3`; a created field has nothing before."""
    if isinstance(field.before, list) and isinstance(field.after, list):
        yield from _items(field, veil)
    elif field.path in _SYMPTOMS:
        yield field.path, one_line(field.before if field.after is None else field.after, veil)
    elif created and field.before is None:
        yield field.path, one_line(field.after, veil)
    else:
        yield field.path, f"{one_line(field.before, veil)} -> {one_line(field.after, veil)}"


def _items(field: FieldChange, veil: Veil) -> Iterator[tuple[str, str]]:
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
            yield _item(field.path, report, item, veil)


def _item(path: str, report: str, level: Any, veil: Veil) -> tuple[str, str]:
    keys = level.path(output_format="list")
    place = path + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    if report.endswith("_added"):
        return place, f"+ {one_line(level.t2, veil)}"
    if report.endswith("_removed"):
        return place, f"- {one_line(level.t1, veil)}"
    return place, f"{one_line(level.t1, veil)} -> {one_line(level.t2, veil)}"
