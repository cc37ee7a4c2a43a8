"""SQL over the kept logs: Azure's tables, and nothing else of the machine."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from requests_made import NOON, line, log

from reconciler.errors import MlopsError
from reconciler.operate.query import Result, query
from reconciler.operate.tables import CONSOLE, EVENTS, TABLES, TRAFFIC


def asked(sql: str, *files: Path, table: str = TRAFFIC) -> Result:
    return query({table: files}, sql)


def column(sql: str, *files: Path) -> list[Any]:
    return [row[0] for row in asked(sql, *files).rows]


def test_rotated_copies_are_one_table(tmp_path: Path):
    files = log(tmp_path, [line(NOON)], [line(NOON + 1)], [line(NOON + 2, ResponseCode=424)])
    found = asked(f"SELECT ResponseCode, count(*) AS n FROM {TRAFFIC} GROUP BY ALL ORDER BY 1", *files)
    assert found == Result(("ResponseCode", "n"), ((200, 2), (424, 1)))


def test_columns_have_azures_types(tmp_path: Path):
    files = log(tmp_path, [line(NOON)])
    sql = f"SELECT TotalDurationMs + 1, ResponseCode + 1, TimeGenerated + INTERVAL 1 HOUR FROM {TRAFFIC}"
    assert asked(sql, *files).rows == ((9, 201, "2026-01-31T12:59:59.992Z"),)


@pytest.mark.parametrize("name", [TRAFFIC, CONSOLE, EVENTS])
def test_a_table_without_lines_has_its_columns(name: str):
    assert query({}, f"SELECT * FROM {name}") == Result(tuple(TABLES[name].columns), ())


def test_what_old_lines_do_not_have_is_null_or_told_by_what_they_have(tmp_path: Path):
    old = line(NOON, ResponseCodeReason="-")
    files = log(tmp_path, [old.replace("XRequestId", "Unknown")])
    sql = f"SELECT EndpointName, DeploymentName, InstanceId, XRequestId, ResponseCodeReason FROM {TRAFFIC}"
    assert asked(sql, *files).rows == (("credit", "blue", "3f2a9c17d0be", None, None),)


def test_a_torn_line_costs_itself_alone(tmp_path: Path):
    files = log(tmp_path, [line(NOON), line(NOON)[:60] + "\n", line(NOON, ResponseCode="odd"), line(NOON)[:70]])
    assert column(f"SELECT ResponseCode FROM {TRAFFIC}", *files) == [200, None]


def test_a_folder_whose_name_is_a_pattern_is_read_as_it_is_named(tmp_path: Path):
    folder = tmp_path / "a[1]*"
    folder.mkdir()
    assert column(f"SELECT count(*) FROM {TRAFFIC}", *log(folder, [line(NOON)])) == [1]


def test_names_of_tables_may_be_written_in_any_case(tmp_path: Path):
    assert column(f"select count(*) from {TRAFFIC.lower()}", *log(tmp_path, [line(NOON)])) == [1]


def test_now_can_be_compared_with_and_shown(tmp_path: Path):
    files = log(tmp_path, [line(NOON)])
    assert column(f"SELECT count(*) FROM {TRAFFIC} WHERE TimeGenerated < now() - INTERVAL 1 DAY", *files) == [1]
    [shown] = column("SELECT now() -- at the end a comment")
    assert shown.endswith("Z")


def test_two_columns_of_one_name_are_both_there():
    assert asked("SELECT 1 AS a, 2 AS a, now() AS b").columns == ("a", "a", "b")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM read_json('{file}')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM Files",
        "COPY (SELECT 1) TO '{file}'",
        "ATTACH '{file}'",
        "SET enable_external_access = true",
        f"DELETE FROM {TRAFFIC}",
        "INSTALL httpfs",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_a_query_reads_nothing_but_the_tables_and_changes_nothing(tmp_path: Path, sql: str):
    [file] = log(tmp_path, [line(NOON)])
    with pytest.raises(MlopsError, match=r"^the query: "):
        asked(sql.replace("{file}", str(file)), file)
    assert file.read_text() == line(NOON)


def test_an_unknown_table_is_refused_with_those_that_there_are():
    with pytest.raises(MlopsError, match=f"Table with name traffic does not exist.*{TRAFFIC}, {CONSOLE}, {EVENTS}$"):
        asked("SELECT * FROM traffic")


def test_an_unknown_column_is_refused_in_one_line_with_those_of_the_table():
    with pytest.raises(MlopsError) as refused:
        asked(f"SELECT Mesage\nFROM {CONSOLE}")
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(f"{CONSOLE} has {', '.join(TABLES[CONSOLE].columns)}")


def test_a_query_is_interrupted_as_every_command_is():
    # A shell has what it runs in the background ignore the signal.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            query({}, "SELECT count(*) FROM range(200000) a, range(200000) b")
    finally:
        timer.join()
        signal.signal(signal.SIGINT, former)
