"""A row of the cache that is whole, and has not the form that its reader needs, is as good as none, and replaced."""

import json
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.disk.packing import packed
from tests.differential.test_cache_differential import EXAMPLES, SEED
from tests.differential.twin_repository import BLUE, VARIANTS, Answer, Twin, opened, write_first

FILE = "manifests/credit/blue.yml"
TWO = VARIANTS[FILE][1]
QUESTIONS = {"plan": ("plan", "--detailed-exitcode", "--verbose"), "drift": ("drift", "--detailed-exitcode")}
MISSHAPEN = {
    "nothing": b"",
    "no text": b"\xff\xfe",
    "null": b"null",
    "a list": b"[]",
    "an object": b"{}",
    "two values": b"[],[]",
    "packed nothing": packed([[]]),
    "packed and cut off": packed([["a", "b", "c", "d", "e"]]),
    "another compression": zlib.compress(b"\xff\0\0"),
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("misshapen") / "first"
    write_first(folder, in_git=True)
    return folder


def rows(twin: Twin) -> dict[tuple[str, str], bytes]:
    """Everything that is kept, by table and key."""
    (file,) = twin.cache.glob("*.db")
    with closing(sqlite3.connect(file)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = [(name, database.execute(f"SELECT key, value FROM {name}").fetchall()) for name in tables]
    return {(name, key): value for name, each in found for key, value in each}


@pytest.fixture
def twin(first: Path) -> Iterator[Twin]:
    with tempfile.TemporaryDirectory() as folder, opened(first, Path(folder), ask_git=True) as twin:
        yield twin


def states(twin: Twin) -> Sequence[tuple[str, str]]:
    """Texts of a file, each with a question about it: of what is known as a whole, in part, by its lines, and live."""
    twin.put(FILE, TWO)
    twin.git("commit", "-am", "two")
    twin.put(FILE, BLUE)
    twin.moment()
    return [(BLUE, "plan"), (BLUE + "# c\n", "plan"), (TWO, "plan"), (BLUE, "drift")]


def answers(twin: Twin, asked: Sequence[tuple[str, str]], *more: str) -> list[Answer]:
    """What is answered to these questions in turn."""
    found = []
    for text, question in asked:
        twin.put(FILE, text)
        found.append(twin.ask(*QUESTIONS[question], *more))
    return found


def test_whatever_stands_in_the_place_of_rows_answers_are_the_same_and_it_is_replaced(twin: Twin) -> None:
    asked = states(twin)
    truth = answers(twin, asked, "--no-cache")
    assert answers(twin, asked) == truth
    before = rows(twin)
    tables = {table for table, _ in before}
    assert tables == {"parsed", "blame", "facts", "parts", "stats", "settings", "looks", "drifts"}
    for table in sorted(tables):
        for name, row in MISSHAPEN.items():
            if (table, name) in (("parsed", "a list"), ("stats", "packed nothing")):
                continue  # It is what stands there of a file that is none of ours, and of no files.
            keep_rows(twin.cache, table, {key: row for each, key in before if each == table})
            here = slice(-1, None) if table == "drifts" else slice(-1)
            assert answers(twin, asked[here]) == truth[here], (table, name)
            replaced = [key for (each, key), value in rows(twin).items() if each == table and value != row]
            assert replaced, (table, name)


def test_a_row_that_lacks_any_of_its_names_is_as_good_as_none(twin: Twin) -> None:
    asked = [each for each in states(twin) if each[0] == BLUE]
    truth = answers(twin, asked)
    heads = {place: json.loads(row) for place, row in rows(twin).items() if place[0] in ("looks", "drifts")}
    assert {table for table, _ in heads} == {"looks", "drifts"}
    for (table, key), whole in heads.items():
        for name in whole:
            lacking = {each: value for each, value in whole.items() if each != name}
            keep_rows(twin.cache, table, {key: json.dumps(lacking).encode()})
            assert answers(twin, asked) == truth, (table, name)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of everything in a value of JSON."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*path, name))


def is_form(table: str, path: tuple[Any, ...]) -> bool:
    """Whether a place is of the row's own form, and not in what a file says, where everything has a form."""
    return path[:1] != (0,) if table == "settings" else not (table == "parsed" and path[1:2] == (2,) and path[2:])


def changed(value: Any, path: tuple[Any, ...]) -> Any:
    """A value with something of another type at a place."""
    if not path:
        return {type(value).__name__: 1} if not isinstance(value, dict) else [1]
    name, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[name] = changed(value[name], tuple(rest))
    return copy


def test_no_part_of_a_row_is_taken_for_what_it_is_not(twin: Twin) -> None:
    asked = states(twin)
    truth = answers(twin, asked, "--no-cache")
    answers(twin, asked)
    said: dict[str, dict[str, Any]] = {}
    for (table, key), row in rows(twin).items():
        with suppress(ValueError):
            said.setdefault(table, {})[key] = json.loads(row)

    @seed(SEED)
    @settings(max_examples=3 * EXAMPLES, deadline=None, database=None)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        table = data.draw(st.sampled_from(sorted(said)))
        key = data.draw(st.sampled_from(sorted(said[table])))
        path = data.draw(st.sampled_from([each for each in places(said[table][key]) if is_form(table, each)]))
        keep_rows(twin.cache, table, {key: json.dumps(changed(said[table][key], path)).encode()})
        assert answers(twin, asked) == truth

    holds()
