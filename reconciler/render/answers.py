"""Answers as the Azure CLI prints them: the part that a JMESPath asks for, as JSON, YAML, a table or TSV."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.errors import MlopsError
from reconciler.render.values import json_text, printable

_TOO_DEEP = "--query is nested too deep to be read; ask for less at once"


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
        raise _no_query(query, error) from error
    except RecursionError as error:
        raise MlopsError(_TOO_DEEP) from error


def checked(query: str) -> str:
    """A query as it was given, once it is known to be one; what it makes of an answer the answer decides.

    Raises:
        MlopsError: the query is no JMESPath.
    """
    if not query:
        return query
    import jmespath  # noqa: PLC0415 - only a query needs it

    try:
        jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise _no_query(query, error) from error
    except RecursionError as error:
        raise MlopsError(_TOO_DEEP) from error
    return query


def _no_query(query: str, error: Exception) -> MlopsError:
    said = str(error).splitlines()[0].removeprefix("Invalid jmespath expression: ")
    return MlopsError(f"--query {query!r} is not a JMESPath: {said.removesuffix(':').removesuffix(', for expression')}")


def answer_text(value: Any, form: str) -> str:
    """The value as `json`, `table` or `tsv`; YAML is the caller's, since it needs a library."""
    if form == "tsv" and isinstance(value, str):
        return value
    if form == "tsv":
        return "\n".join("\t".join(row) for row in _tsv_rows(value))
    if form == "table":
        return _table(value)
    return json_text(value)


def _tsv_rows(value: Any) -> list[list[str]]:
    """One row an item; of a list inside a row there is its length, of a mapping nothing, as the Azure CLI has it."""
    return [_tsv_row(item) for item in (value if isinstance(value, list) else [value])]


def _tsv_row(item: Any) -> list[str]:
    if isinstance(item, (Mapping, list)):
        return [_tsv_cell(inner) for inner in (item.values() if isinstance(item, Mapping) else item)]
    return [str(item).lower() if isinstance(item, bool) else _text(item)]


def _tsv_cell(inner: Any) -> str:
    if isinstance(inner, list):
        return str(len(inner))
    return "" if isinstance(inner, Mapping) else _text(inner)


_NO_COLUMN = ("id", "type", "etag")


def _table(value: Any) -> str:
    rows = [_table_row(item) for item in (value if isinstance(value, list) else [value])]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns:
        return ""
    cells = [["" if row.get(name) is None else _text(row[name]) for name in columns] for row in rows]
    # As wide as the Azure CLI makes them, for whoever cuts such a table by columns.
    return aligned([[f"{printable(name)}  " for name in columns], *cells])


def _table_row(item: Any) -> dict[str, Any]:
    """What a table has of an item: no structures, and no column for what is nothing in every row."""
    if isinstance(item, list):
        return {f"Column{number}": inner for number, inner in enumerate(item, 1)}
    if not isinstance(item, Mapping):
        return {"Result": item}
    return {
        f"{name[:1].upper()}{name[1:]}": inner
        for name, inner in item.items()
        if name not in _NO_COLUMN and inner is not None and not isinstance(inner, (Mapping, list))
    }


def _text(value: Any) -> str:
    return printable(str(value))


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
