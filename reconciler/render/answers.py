"""Answers as the Azure CLI prints them: the part that a JMESPath asks for, as JSON, YAML, a table or TSV."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.errors import MlopsError
from reconciler.render.values import printable


def queried(value: Any, query: str) -> Any:
    """The part of the value that the query names.

    Raises:
        MlopsError: the query is no JMESPath.
    """
    if not query:
        return value
    import jmespath  # noqa: PLC0415 - only a query needs it

    try:
        return jmespath.search(query, value)
    except jmespath.exceptions.JMESPathError as error:
        raise MlopsError(f"--query {query!r} is not a JMESPath: {str(error).splitlines()[0]}") from error


def answer_text(value: Any, form: str) -> str:
    """The value as `json`, `table` or `tsv`; YAML is the caller's, since it needs a library."""
    if form == "tsv":
        return "\n".join("\t".join(map(cell, row)) for row in _tsv_rows(value))
    if form == "table":
        return _table(value)
    return json.dumps(value, indent=2, ensure_ascii=False)


def _tsv_rows(value: Any) -> list[list[Any]]:
    """One row an item; a mapping is its values that are no structures, as the Azure CLI has it."""
    items = value if isinstance(value, list) else [value]
    return [_flat(item) for item in items]


def _flat(item: Any) -> list[Any]:
    if isinstance(item, Mapping):
        return [v for v in item.values() if not isinstance(v, (Mapping, list))]
    return list(item) if isinstance(item, list) else [item]


def _table(value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    rows = [item if isinstance(item, Mapping) else {"Result": item} for item in items]
    if not rows:
        return ""
    columns = list(dict.fromkeys(key for row in rows for key, v in row.items() if not isinstance(v, (Mapping, list))))
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    return aligned([[cell(column) for column in columns], *cells])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns, the first row ruled off as their head."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    ruled = [list(rows[0]), ["-" * width for width in widths], *map(list, rows[1:])]
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in ruled)


def cell(value: Any) -> str:
    """A value in one cell: texts as they are, the rest as JSON."""
    if value is None:
        return "None"
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
