"""While other processes read many files, a plan reads the record and the live side, and is the same as ever."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconciler import staging
from reconciler.errors import MlopsError
from reconciler.load import many, readers
from reconciler.record.tabled import TableStore
from tests.remembering.remembered_world import come_of, endpoint, forget, plan, put, told


@pytest.fixture(autouse=True)
def _with_readers(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors, and files of which few are worth a process."""
    for number in range(12):
        endpoint(f"more-{number}")
    monkeypatch.setattr(readers, "Readers", partial(readers.Readers, processors=lambda: 2, worth=1, part=1000))


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read, in its order; several files in a row are one."""
    done = list[str]()

    def noting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **options: Any) -> Any:
            if done[-1:] != [name]:
                done.append(name)
            return real(*args, **options)

        return noted

    monkeypatch.setattr(TableStore, "read", noting("record", TableStore.read))
    monkeypatch.setattr(staging, "live_of", noting("live", staging.live_of))
    monkeypatch.setattr(many, "read", noting("files", many.read))
    return done


def test_the_record_and_the_live_side_are_read_once_and_before_files(order: list[str]):
    plan()
    assert order in (["record", "live", "files"], ["record", "live"])


def test_without_readers_files_come_first(order: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readers, "Readers", partial(readers.Readers, processors=lambda: 1))
    plan()
    assert order == ["files", "record", "live"]


def test_the_plan_is_the_one_that_a_process_makes_alone(monkeypatch: pytest.MonkeyPatch):
    found = told(plan())
    forget()
    monkeypatch.setattr(readers, "Readers", partial(readers.Readers, processors=lambda: 1))
    assert told(plan()) == found


@pytest.mark.parametrize("wish", [{"refresh": False}, {"minimal": True}])
def test_a_live_side_that_is_not_looked_at_is_not_read_meanwhile(order: list[str], wish: dict[str, bool]):
    plan(wish=wish)
    assert "live" not in order


@pytest.mark.parametrize("broken", [("nowhere",), ("manifests", "nowhere")])
def test_a_path_of_no_use_is_told_before_a_live_side_that_cannot_be_read(broken: tuple[str, ...]):
    Path("live.jsonl").write_text("none\n")
    assert "nowhere" in str(come_of(cached=True, wish={"paths": broken}))


def test_a_live_side_that_cannot_be_read_is_told_before_what_is_wrong_with_files():
    Path("live.jsonl").write_text("none\n")
    put("manifests/wrong.yml", "$schema: managedOnlineEndpoint.schema.json\nname: wrong\nfoo: 1\n")
    with pytest.raises(MlopsError, match="is not an object of a memory target"):
        plan()
