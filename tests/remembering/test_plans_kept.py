"""A plan is remembered only of what was there when its look began, whatever happens until it is kept."""

import importlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from reconciler import wanted
from reconciler.core.address import Address
from reconciler.errors import RefusedError
from reconciler.record.store import Intent
from reconciler.remembering.inputs import code_of
from reconciler.workspace import open_workspace
from tests.remembering.remembered_world import (
    DEPLOYMENT,
    ENDPOINT,
    SCORE,
    come_of,
    edit,
    note,
    plan,
    put,
)

pytestmark = pytest.mark.usefixtures("as_wanted")

Act = Callable[[], object]
GREEN = DEPLOYMENT.replace("NAME", "wine").replace("BLUE", "green")
TWO = GREEN.replace("count: 1", "count: 2")
ADDRESS = Address.parse("deployment/wine/green")
AT = "2026-02-03T12:00:00Z"


@contextmanager
def while_files_are_read(before: Act, after: Act) -> Iterator[None]:
    """Something happens once the look has begun, and something else once the files were read."""
    real = wanted.load_all

    def load(*args: Any, **options: Any) -> Any:
        before()
        loaded = real(*args, **options)
        after()
        return loaded

    with mock.patch.object(wanted, "load_all", load):
        yield


def green(text: str) -> Act:
    return lambda: put("manifests/wine/green.yml", text)


def code(text: str) -> Act:
    return lambda: put("manifests/src/score.py", text)


def rose() -> None:
    put("manifests/rose.yml", ENDPOINT.replace("NAME", "rose").replace("traffic: {blue: 100}\n", ""))


def no_rose() -> None:
    Path("manifests/rose.yml").unlink()


def nothing() -> None:
    """All stays as it is."""


COURSES: dict[str, tuple[Act, Act, Act]] = {
    "a manifest as applied for a moment": (green(TWO), green(GREEN), green(TWO)),
    "one that is not there for a moment": (rose, no_rose, rose),
    "code as applied for a moment": (code(SCORE + "A = 1\n"), code(SCORE), code(SCORE + "A = 1\n")),
    "a manifest that is edited": (nothing, nothing, green(TWO)),
    "code that is edited": (nothing, nothing, code(SCORE + "A = 1\n")),
    "an object that is edited": (nothing, nothing, partial(edit, ADDRESS, instance_count=3)),
    "a record that is written": (nothing, nothing, partial(note, ADDRESS, instance_count=3)),
}


@pytest.mark.parametrize("known", [True, False], ids=["in part", "as a whole"])
@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES.keys())
def test_what_changes_while_it_is_made_is_told_by_the_next_one(course: tuple[Act, Act, Act], known: bool):
    before, meanwhile, after = course
    if known:
        plan()
    before()
    put("manifests/credit/endpoint.yml", ENDPOINT.replace("NAME", "credit") + "# so that something differs\n")
    with while_files_are_read(meanwhile, after):
        plan()
    anew = come_of(cached=False)
    assert come_of(cached=True) == anew
    assert anew[0].plan.steps or anew[0].drifts


def test_an_older_record_in_its_place_is_told_though_its_entries_are_the_same():
    """What is live came of an operation that the one has, and the other never had."""
    record, kept = Path(".mlops/state.db"), Path("older.db")
    shutil.copy(record, kept)
    with open_workspace(None) as workspace, workspace.store.lock({}, timeout_s=0):
        spec, number = workspace.store.read().entries[ADDRESS].spec, workspace.store.generation(ADDRESS) + 1
        workspace.store.intend(Intent("op", "run", 1, "scale", ADDRESS, spec, spec, number, AT))
        workspace.store.abandon("op", outcome="failed", message="", finished=AT)
    lines = [json.loads(line) for line in Path("live.jsonl").read_text().splitlines()]
    own = next(each for each in lines if each["address"] == str(ADDRESS))
    own["generation"] += 1
    Path("live.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert not plan().drifts
    plan()
    shutil.copy(kept, record)
    anew = come_of(cached=False)
    assert anew[0] is RefusedError
    assert come_of(cached=True) == anew


@pytest.mark.parametrize("lost", range(4))
def test_parts_of_what_was_kept_that_are_gone_are_made_anew(lost: int):
    plan()
    (file,) = Path(".mlops/cache").glob("*.db")
    with closing(sqlite3.connect(file)) as database, database:
        assert database.execute("DELETE FROM parts WHERE at % 4 = ?", (lost,)).rowcount
    green(TWO)()
    assert come_of(cached=True) == come_of(cached=False)
    green(GREEN + "# c\n")()
    plan()
    assert come_of(cached=True) == come_of(cached=False)


def test_a_provider_of_others_is_another_once_any_file_of_its_package_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("plug/__init__.py", "plug/inner/__init__.py", "plug/inner/rules.py", "lone.py"):
        put(name, "class Provider: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugged, lone = importlib.import_module("plug.inner").Provider, importlib.import_module("lone").Provider
    before = code_of(plugged), code_of(lone)
    assert (code_of(plugged), code_of(lone)) == before
    put("plug/inner/rules.py", "class Provider: other = 1\n")
    put("lone.py", "class Provider: other = 1\n")
    assert code_of(plugged) != before[0]
    assert code_of(lone) != before[1]
