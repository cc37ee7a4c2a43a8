"""SQL over the kept logs: DuckDB in memory, with Azure's tables and nothing else of this machine."""

import glob
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import MlopsError
from reconciler.operate.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb

Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class Result:
    """What a query gave: names of the columns, which may come twice, and rows of plain values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def query(files: Files, sql: str) -> Result:
    """The answer to one SELECT.

    Args:
        files: of JSON lines, by table.
        sql: in DuckDB's dialect; times are in UTC.

    Raises:
        MlopsError: it is no SELECT, or DuckDB refuses it; the message names the tables or the columns that there are.
    """
    import duckdb  # noqa: PLC0415 - only a query needs it

    with duckdb.connect(":memory:") as database:
        try:
            _one_select(sql)
            _fill(database, files, sql)
            return _answered(database, sql)
        except RuntimeError as error:  # DuckDB's word for a signal
            if "interrupted" not in str(error).lower():
                raise
            raise KeyboardInterrupt from error
        except duckdb.Error as error:
            message = str(error).partition("\n")[0].partition(": ")[2] or str(error)
            raise MlopsError(f"the query: {message}; {_known(sql)}") from error


def _one_select(sql: str) -> None:
    import duckdb  # noqa: PLC0415 - only a query needs it

    kinds = [statement.type for statement in duckdb.extract_statements(sql)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise MlopsError(f"the query: one SELECT is expected; {_known(sql)}")


def _fill(database: "duckdb.DuckDBPyConnection", files: Files, sql: str) -> None:
    """Make every table, fill those that the query names, and shut the door to files behind them."""
    database.execute("SET TimeZone = 'UTC'")
    for name, table in TABLES.items():
        columns = ", ".join(f'"{column}" {kind}' for column, kind in table.columns.items())
        database.execute(f'CREATE TABLE "{name}" ({columns})')
        # DuckDB reads a path as a pattern.
        paths = [glob.escape(str(path)) for path in files.get(name, ()) if path.exists()]
        if paths and name.lower() in sql.lower():
            database.execute(_insert(name, table), [paths])
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _insert(name: str, table: Table) -> str:
    """Read every value as a text and give it the column's type: a line that is torn or odd costs itself alone."""
    texts = ", ".join(f"\"{column}\": 'VARCHAR'" for column in (*table.columns, *table.sources))
    lines = f"read_json(?, format = 'newline_delimited', ignore_errors = true, columns = {{{texts}}})"
    values = ", ".join(_value(table, column) for column in table.columns)
    return f'INSERT INTO "{name}" SELECT {values} FROM {lines} WHERE TimeGenerated IS NOT NULL'  # noqa: S608 - our own names


def _value(table: Table, column: str) -> str:
    # The proxy writes a dash for what is not there.
    given = f"nullif(\"{column}\", '-')"
    if column in table.derived:
        given = f"coalesce({given}, nullif(nullif({table.derived[column]}, '-'), ''))"
    return f"TRY_CAST({given} AS {table.columns[column]})"


def _answered(database: "duckdb.DuckDBPyConnection", sql: str) -> Result:
    relation = database.sql(sql)
    columns = tuple(relation.columns)
    if any("TIME ZONE" in str(kind) for kind in relation.types):
        # Python's values of this type need a library of time zones; here all are UTC.
        plain = (_in_utc(number, str(kind)) for number, kind in enumerate(relation.types, start=1))
        relation = database.sql(f"SELECT {', '.join(plain)} FROM ({sql.strip().rstrip(';')}\n)")  # noqa: S608 - the user's own
    return Result(columns, tuple(tuple(map(_plain, row)) for row in relation.fetchall()))


def _in_utc(number: int, kind: str) -> str:
    return f"#{number}::TIMESTAMP" if kind == "TIMESTAMP WITH TIME ZONE" else f"#{number}"


def _plain(value: Any) -> Any:
    """A value as JSON has it; times as ISO 8601 in UTC."""
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _known(sql: str) -> str:
    """What a query may name: the columns of the tables that it names already, or the tables."""
    named = list(_columns(sql))
    return "; ".join(named) if named else f"there are the tables {', '.join(TABLES)}"


def _columns(sql: str) -> Iterator[str]:
    for name, table in TABLES.items():
        if name.lower() in sql.lower():
            yield f"{name} has {', '.join(table.columns)}"
