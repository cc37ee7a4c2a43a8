"""Rows of a query as a table, JSON, TSV or CSV."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.render.answers import aligned, cell


def rows_text(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str) -> str:
    """The rows as `table`, `json`, `csv`, or `tsv`, which has no head; no line end after the last."""
    if form == "json":
        names = list(_unique(columns))
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2, ensure_ascii=False)
    if form == "csv":
        return _csv([columns, *rows])
    cells = [["" if value is None else cell(value) for value in row] for row in rows]
    return "\n".join(map("\t".join, cells)) if form == "tsv" else aligned([list(map(cell, columns)), *cells])


def _unique(columns: Sequence[str]) -> Iterator[str]:
    """The names, numbered from the second time on: an object of JSON has each once."""
    seen: Counter[str] = Counter()
    for column in columns:
        yield f"{column}_{seen[column]}" if seen[column] else column
        seen[column] += 1


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        [value if value is None or isinstance(value, str) else cell(value) for value in row] for row in rows
    )
    return text.getvalue().removesuffix("\n")
