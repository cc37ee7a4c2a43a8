"""The cache is only ever faster: gone, damaged, foreign, busy, full or read-only, it is as good as none."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.load.caching import cached_rows, tool
from reconciler.load.caching.cached_rows import keep_rows, read_rows
from tests.git_here import git
from tests.mounts import read_only, small
from tests.waiting import until

WRITER = """
import sys
from pathlib import Path
from reconciler.load.caching.cached_rows import keep_rows, read_rows
folder, name = Path(sys.argv[1]), sys.argv[2]
number = 0
while number < int(sys.argv[3]):
    keep_rows(folder, "facts", {f"{name} {number}": f"{name} {number}".encode() * 1000})
    number += 1
    for key, value in read_rows(folder, "facts", [f"{each} {number}" for each in "abc"]).items():
        assert value == key.encode() * 1000
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / ".mlops" / "cache"


def held(cache: Path, *keys: str, table: str = "facts") -> dict[str, bytes]:
    return read_rows(cache, table, keys)


def file_of(cache: Path) -> Path:
    (file,) = cache.glob("*.db")
    return file


def of_version(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_rows, "version", lambda: version)


def test_rows_are_kept_by_table_and_key(cache: Path):
    keep_rows(cache, "facts", {"a": b"1", "b": b"\0\xff"})
    keep_rows(cache, "looks", {"a": b"2"})
    keep_rows(cache, "facts", {"b": b"3"})
    assert held(cache, "a", "b", "c") == {"a": b"1", "b": b"3"}
    assert held(cache, "a", table="looks") == {"a": b"2"}
    assert held(cache, "a", table="stats") == {}


def test_many_keys_are_asked_for_at_once(cache: Path):
    rows = {str(number): str(number).encode() for number in range(2_000)}
    keep_rows(cache, "facts", rows)
    assert held(cache, *rows, "none") == rows


def test_it_is_one_file_that_its_owner_alone_reads(cache: Path):
    before = os.umask(0)
    try:
        for table in ("facts", "looks", "blame"):
            keep_rows(cache, table, {"a": b"1"})
    finally:
        os.umask(before)
    assert [oct(path.stat().st_mode & 0o777) for path in (cache.parent, cache, file_of(cache))] == [
        "0o700",
        "0o700",
        "0o600",
    ]


def test_git_does_not_see_it_wherever_the_record_is(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(cache.parent.parent)
    git("init", "-q")
    keep_rows(cache, "facts", {"a": b"1"})
    assert (git("status", "--short"), held(cache, "a")) == ("", {"a": b"1"})


def test_without_a_folder_nothing_is_kept():
    keep_rows(None, "facts", {"a": b"1"})
    assert read_rows(None, "facts", ["a"]) == {}


@pytest.mark.parametrize("content", [b"", b"no database, and longer than the header of one" * 100])
def test_a_file_that_is_no_database_begins_anew(content: bytes, cache: Path):
    keep_rows(cache, "facts", {"a": b"1"})
    file_of(cache).write_bytes(content)
    assert held(cache, "a") == {}
    keep_rows(cache, "facts", {"b": b"2"})
    assert held(cache, "a", "b") == {"b": b"2"}


def test_a_file_damaged_anywhere_tells_nothing_but_what_was_kept(cache: Path):
    rows = {str(number): os.urandom(40).hex().encode() * (1 + number % 200) for number in range(300)}
    keep_rows(cache, "facts", rows)
    whole = file_of(cache).read_bytes()
    for place in range(0, len(whole), len(whole) // 60):
        file = cache / cached_rows._file(cache).name
        file.write_bytes(whole[:place] + b"\x5a" * 64 + whole[place + 64 :])
        found = held(cache, *rows)
        assert found.items() <= rows.items()
        keep_rows(cache, "facts", {"new": b"1"})
        keep_rows(cache, "facts", {"new": b"1"})
        assert held(cache, "new") == {"new": b"1"}


def test_a_file_that_is_cut_short_begins_anew(cache: Path):
    rows = {str(number): b"x" * 500 for number in range(300)}
    keep_rows(cache, "facts", rows)
    os.truncate(file_of(cache), file_of(cache).stat().st_size // 2)
    assert held(cache, *rows).items() <= rows.items()
    for _ in range(2):
        keep_rows(cache, "facts", {"new": b"1"})
    assert held(cache, "new") == {"new": b"1"}


def test_a_value_that_is_not_the_one_of_its_key_is_none(cache: Path):
    keep_rows(cache, "facts", {"a": b"1", "b": b"2"})
    with closing(sqlite3.connect(file_of(cache))) as database, database:
        database.execute("UPDATE facts SET value = x'33', sum = 1 WHERE key = 'a'")
    assert held(cache, "a", "b") == {"b": b"2"}
    with closing(sqlite3.connect(file_of(cache))) as database, database:
        database.execute("DELETE FROM facts WHERE key = 'a'")
        database.execute("UPDATE facts SET key = 'a' WHERE key = 'b'")
    assert held(cache, "a", "b") == {}


def test_it_may_be_deleted_at_any_time(cache: Path):
    keep_rows(cache, "facts", {"a": b"1"})
    with closing(sqlite3.connect(file_of(cache))) as reader:
        assert reader.execute("SELECT key FROM facts").fetchall() == [("a",)]
        file_of(cache).unlink()
        assert held(cache, "a") == {}
        keep_rows(cache, "facts", {"b": b"2"})
        assert reader.execute("SELECT key FROM facts").fetchall() == [("a",)]
    assert held(cache, "a", "b") == {"b": b"2"}


def test_a_busy_one_is_done_without(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cached_rows, "_PATIENCE_S", 0.01)
    keep_rows(cache, "facts", {"a": b"1"})
    with closing(sqlite3.connect(file_of(cache))) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert held(cache, "a") == {}
        keep_rows(cache, "facts", {"b": b"2"})
    assert held(cache, "a", "b") == {"a": b"1"}


def test_several_write_and_read_while_somebody_deletes_it(cache: Path):
    def started(name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, str(cache), name, "60"], stderr=subprocess.PIPE, text=True
        )

    running = [started(name) for name in "abc"]
    try:
        deleted = 0
        while any(each.poll() is None for each in running):
            if deleted < 20 and (files := list(cache.glob("*.db"))):
                files[0].unlink(missing_ok=True)
                deleted += 1
            time.sleep(0.005)
        assert [each.communicate()[1] for each in running] == ["", "", ""]
        assert deleted
    finally:
        for each in running:
            each.kill()
            each.wait()
    keep_rows(cache, "facts", {"last": b"1"})
    assert held(cache, "last") == {"last": b"1"}


def test_a_killed_writer_leaves_nothing_false(cache: Path):
    for _ in range(5):
        running = subprocess.Popen([sys.executable, "-c", WRITER, str(cache), "a", "1000000"])
        try:
            until(lambda: held(cache, "a 3"))
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()
        keys = [f"a {number}" for number in range(100)]
        assert all(value == key.encode() * 1000 for key, value in held(cache, *keys).items())
        for file in cache.glob("*.db"):
            file.unlink()


def test_two_versions_leave_each_other_s_rows_alone(cache: Path, monkeypatch: pytest.MonkeyPatch):
    for version in ("one", "two", "one", "two"):
        of_version(version, monkeypatch)
        assert held(cache, "a") in ({}, {"a": version.encode()})
        keep_rows(cache, "facts", {"a": version.encode()})
    assert sorted(file.name for file in cache.iterdir()) == ["cache-one.db", "cache-two.db"]


def test_versions_of_long_ago_and_too_many_of_them_go(cache: Path, monkeypatch: pytest.MonkeyPatch):
    now = time.time()
    for number, version in enumerate(("old", "a", "b", "c", "d", "new")):
        of_version(version, monkeypatch)
        keep_rows(cache, "facts", {"a": b"1"})
        changed_s = now - (30 * 24 * 3600 if version == "old" else 60 - number)
        os.utime(cache / f"cache-{version}.db", (changed_s, changed_s))
    assert sorted(file.name for file in cache.iterdir()) == [
        f"cache-{version}.db" for version in ("b", "c", "d", "new")
    ]


def test_the_version_is_of_all_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    code, packages = tmp_path / "tool", tmp_path / "site-packages"
    (code / "deep").mkdir(parents=True)
    (code / "deep" / "a.py").write_text("1")
    packages.mkdir()
    first, second = tool.version_of(), tool.version_of(str(code))
    (code / "deep" / "a.py").write_text("12")
    third = tool.version_of(str(code))
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    fourth = tool.version_of(str(code))
    (packages / "yaml").mkdir()
    assert len({first, second, third, fourth, tool.version_of(str(code))}) == 5
    assert first == tool.version()


def test_the_oldest_rows_of_a_table_go(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(cached_rows._MOST_ROWS, "facts", 100)
    for start in range(0, 300, 50):
        keep_rows(cache, "facts", {str(number): b"x" for number in range(start, start + 50)})
    kept = held(cache, *map(str, range(300)))
    assert 50 <= len(kept) <= 100
    assert set(map(str, range(250, 300))) <= kept.keys()


def test_all_tables_together_stay_below_their_limit(cache: Path):
    for number in range(60):
        keep_rows(cache, "facts", {str(number): os.urandom(20_000)}, most_bytes=200_000)
        keep_rows(cache, "looks", {str(number): os.urandom(20_000)}, most_bytes=200_000)
    assert file_of(cache).stat().st_size < 400_000
    assert held(cache, "59") != {}
    assert held(cache, "0") == {}


def test_a_read_only_disk_is_done_without(cache: Path):
    keep_rows(cache, "facts", {"a": b"1"})
    with read_only(cache):
        keep_rows(cache, "facts", {"b": b"2"})
        assert held(cache, "a", "b") == {"a": b"1"}
    file_of(cache).unlink()
    with read_only(cache):
        keep_rows(cache, "facts", {"b": b"2"})
        assert held(cache, "a", "b") == {}


def test_a_full_disk_is_done_without(cache: Path):
    with small(cache, 200):
        keep_rows(cache, "facts", {"a": b"1"})
        keep_rows(cache, "facts", {"b": os.urandom(400_000)})
        assert held(cache, "a", "b") == {"a": b"1"}
        keep_rows(cache, "facts", {"c": b"3"})
        assert held(cache, "a", "c") == {"a": b"1", "c": b"3"}


def test_a_folder_that_is_in_the_way_is_done_without(cache: Path):
    cache.parent.mkdir()
    cache.write_text("in the way")
    keep_rows(cache, "facts", {"a": b"1"})
    assert held(cache, "a") == {}


def test_a_file_of_which_not_even_what_is_wrong_can_be_told_begins_anew(tmp_path: Path):
    keep_rows(tmp_path, "facts", {"a": b"one"})
    (file,) = tmp_path.glob("*.db")
    file.write_bytes(file.read_bytes().replace(b"TABLE", b"T\xa0BLE"))
    assert read_rows(tmp_path, "facts", ["a"]) == {}
    keep_rows(tmp_path, "facts", {"a": b"two"})
    assert read_rows(tmp_path, "facts", ["a"]) == {"a": b"two"}


@pytest.mark.skipif(os.name != "posix", reason="no pipes")
def test_no_pipe_is_waited_for_and_no_link_is_followed(tmp_path: Path):
    folder, elsewhere = tmp_path / "cache", tmp_path / "elsewhere"
    keep_rows(folder, "facts", {"a": b"one"})
    (file,) = folder.glob("*.db")
    file.rename(elsewhere)
    before = elsewhere.read_bytes()
    for make in (lambda: os.mkfifo(file), lambda: file.symlink_to(elsewhere), lambda: file.symlink_to("nowhere")):
        make()
        assert read_rows(folder, "facts", ["a"]) == {}
        keep_rows(folder, "facts", {"a": b"two"})
        file.unlink(missing_ok=True)
        assert not (folder / "nowhere").exists()
        assert elsewhere.read_bytes() == before
