"""A look that found no drift is remembered; what the next one tells is what a look at everything would tell."""

import json
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.state import Entry
from reconciler.errors import ProviderError, StateError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.store import Intent
from reconciler.wishes import Drifted
from reconciler.workspace import open_workspace
from tests.faults.scheduled import Scheduled
from tests.remembering.remembered_world import apply, edit, forget, note, put, write_repository

LIVE = Path("live.jsonl")
BLUE, CREDIT = Address.parse("deployment/credit/blue"), Address.parse("endpoint/credit")
NEW, RISK = Address.parse("endpoint/new"), Address.parse("model/risk:1")
SOME = [BLUE, CREDIT, RISK, Address.parse("deployment/wine/green"), NEW]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository that is applied, in the current folder."""
    folder, before = tmp_path_factory.mktemp("drifts"), Path.cwd()
    os.chdir(folder)
    write_repository()
    apply()
    yield folder
    os.chdir(before)


@pytest.fixture(autouse=True)
def as_applied(applied: Path) -> Iterator[None]:
    """Whatever a test does to the target is undone."""
    kept = {file: file.read_bytes() for file in [applied / LIVE, *(applied / ".mlops").glob("state.db")]}
    forget()
    yield
    for file, content in kept.items():
        file.write_bytes(content)


def look(*, cached: bool = True) -> tuple[Drifted, list[str]]:
    """What has drifted, and what the platform was asked for it."""
    with open_workspace(None, cached=cached) as workspace:
        workspace.provider = Scheduled(workspace.provider)
        return pipeline.drift(workspace, cached=cached), workspace.provider.calls


def drifted(*, cached: bool = True) -> Drifted:
    return look(cached=cached)[0]


def lines() -> dict[Address, dict]:
    held = map(json.loads, LIVE.read_text().splitlines())
    return {Address.parse(each["address"]): each for each in held}


def rewrite(address: Address, change: Callable[[dict], object]) -> None:
    """Change a line of the file as an editor does."""
    held = lines()
    if held.get(address, {}).get("spec") is not None:
        change(held[address])
        put(str(LIVE), "".join(json.dumps(each) + "\n" for each in held.values()))


def test_once_nothing_drifted_the_next_look_reads_no_object():
    first, calls = look()
    assert calls == ["list"]
    assert look() == (first, [])
    assert first.recorded == 7
    assert first == drifted(cached=False)


def test_only_what_is_another_since_is_read():
    drifted()
    edit(BLUE, instance_count=5)
    found, calls = look()
    assert calls == [f"some {BLUE}"]
    assert [(str(each.address), str(each.kind)) for each in found.drifts] == [(str(BLUE), "changed")]
    assert found == drifted(cached=False)


def test_what_drifted_is_told_each_time_and_no_more_once_it_is_back():
    calm = drifted()
    count = lines()[BLUE]["spec"]["instance_count"]
    edit(BLUE, instance_count=5)
    assert drifted() == drifted() != calm
    edit(BLUE, instance_count=count)
    assert drifted() == calm


def test_a_file_that_says_the_same_in_other_words_is_read_once():
    calm = drifted()
    put(str(LIVE), "".join(json.dumps(each, indent=None, separators=(",", ":")) + "\n" for each in lines().values()))
    found, calls = look()
    assert (found, len(calls)) == (calm, 1)
    assert look() == (calm, [])


def test_without_the_cache_everything_is_read_and_nothing_kept():
    assert look(cached=False)[1] == look(cached=False)[1] == ["list"]
    assert not Path(".mlops/cache").exists()


def test_a_record_that_changed_is_looked_at_whole():
    drifted()
    note(BLUE, description="other")
    found, calls = look()
    assert calls == ["list"]
    assert [each.address for each in found.drifts] == [BLUE]


def test_a_record_in_which_an_operation_has_no_end_is_looked_at_whole():
    drifted()
    begin()
    found, calls = look()
    assert calls == ["list"]
    assert [each.address for each in found.recovery] == [BLUE]


def test_a_look_while_something_moves_is_not_remembered():
    """The live side changes after it was read, and before the look ends."""
    with open_workspace(None) as workspace:
        provider = workspace.provider
        real = provider.digests

        def digests():
            edit(BLUE, instance_count=5)
            return real()

        provider.digests = digests
        workspace.provider = Scheduled(provider)
        assert pipeline.drift(workspace).drifts == ()
    assert [each.address for each in drifted().drifts] == [BLUE]


def test_a_damaged_object_is_found_though_nothing_was_wrong_before():
    drifted()
    text = LIVE.read_text()
    put(str(LIVE), text.replace('"instance_count": 1', '"instance_count": ]1', 1))
    with pytest.raises(ProviderError, match="is not an object of a memory target"):
        drifted()


def test_a_record_that_something_else_wrote_is_damaged_though_its_root_is_as_it_was():
    drifted()
    with closing(sqlite3.connect(".mlops/state.db")) as record, record:
        record.execute("update entries set spec = replace(spec, 'DS3', 'DS4')")
    with pytest.raises(StateError, match="E-STATE-DAMAGED"):
        drifted()


def begin() -> None:
    """Leave an operation without an end."""
    with open_workspace(None) as workspace, workspace.store.lock({}, timeout_s=0):
        spec, number = workspace.store.read().entries[BLUE].spec, workspace.store.generation(BLUE) + 1
        after = {**spec, "instance_count": 9}
        at = "2026-01-01T00:00:00+00:00"
        workspace.store.intend(Intent(f"op-{number}", "run", 1, "scale", BLUE, spec, after, number, at))


def make(address: Address) -> None:
    """Somebody else's object, or one that is made over."""
    with closing(MemoryProvider(LIVE)) as provider:
        lineage = lines().get(address, {}).get("lineage") or "theirs"
        operation = Operation("op", lineage, provider.fences().get(address, 0) + 1)
        provider.create(Step(1, Action.CREATE, address, "", (), None, {"tags": {}}), operation)


def note_live(address: Address) -> None:
    """Record what is live of an address, or forget it."""
    with open_workspace(None) as workspace, workspace.store.lock({}, timeout_s=0):
        live = workspace.provider.observe(address)
        workspace.store.note(address, Entry(live.spec, live.generation, live.operation) if live else None)


CHANGES: dict[str, Callable[[Address], object]] = {
    "edit": lambda address: rewrite(address, lambda held: held["spec"].update(description=f"{random.random()}")),
    "back": lambda address: rewrite(address, lambda held: held["spec"].pop("description", None)),
    "foreign": lambda address: rewrite(address, lambda held: held.update(lineage="theirs")),
    "ahead": lambda address: rewrite(address, lambda held: held.update(generation=held["generation"] + 1)),
    "remains": lambda address: rewrite(address, lambda held: held.update(spec={})),
    "remove": lambda address: rewrite(address, lambda held: held.update(spec=None)),
    "make": make,
    "note": note_live,
    "touch": lambda _address: LIVE.touch(),
    "begin": lambda _address: begin(),
    "forget": lambda _address: forget(),
    "look": lambda _address: drifted(),
}


@given(
    changes=st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(SOME)), max_size=6),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
@pytest.mark.usefixtures("applied")
def test_whatever_happens_a_look_tells_what_one_without_the_cache_tells(changes, seed):
    random.seed(seed)
    kept = {file: file.read_bytes() for file in [LIVE, Path(".mlops/state.db")]}
    try:
        drifted()
        for change, address in changes:
            CHANGES[change](address)
            assert drifted() == drifted(cached=False)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
