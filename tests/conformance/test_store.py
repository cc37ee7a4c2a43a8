"""What every store of records does: memory, SQLite and PostgreSQL pass one suite."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.core.secret import Secret
from reconciler.core.state import Entry, State
from reconciler.errors import LockHeldError, RefusedError, StateError
from reconciler.record.document import record_of, record_text
from reconciler.record.memory import Memory, MemoryStore
from reconciler.record.postgres import PostgresStore
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Intent, Journalled, Origin, Record, Run, Store

Open = Callable[..., Store]

HOLDER = {
    "id": "3f9a61c2",
    "user": "ana",
    "host": "laptop",
    "pid": 4711,
    "command": "apply",
    "started": "2026-02-03T12:04:31Z",
}
BLUE = Address("deployment", "blue", endpoint="credit")
CREDIT = Address("endpoint", "credit")
RISK = Address("model", "risk", version="3")
SEALED = {"MLOPS_ENCRYPTION_KEY": "5" * 64}
END = {"outcome": "succeeded", "message": "", "finished": "2026-02-03T12:05:00Z"}


def memory(_: pytest.FixtureRequest, __: Path) -> Open:
    kept = Memory()
    return lambda target: MemoryStore(target, kept)


def sqlite(_: pytest.FixtureRequest, folder: Path) -> Open:
    return lambda target: SqliteStore(folder / "state.db", target)


def sqlite_sealed(_: pytest.FixtureRequest, folder: Path) -> Open:
    return lambda target: SqliteStore(folder / "state.db", target, environ=SEALED)


def postgres(request: pytest.FixtureRequest, folder: Path) -> Open:
    url = request.getfixturevalue("postgres_url")
    return lambda target: PostgresStore(url, target, folder / "state.key")


def postgres_sealed(request: pytest.FixtureRequest, folder: Path) -> Open:
    url = request.getfixturevalue("postgres_url")
    return lambda target: PostgresStore(url, target, folder / "state.key", environ=SEALED)


@pytest.fixture(params=[memory, sqlite, sqlite_sealed, postgres, postgres_sealed], ids=lambda param: param.__name__)
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens stores on one and the same record."""
    opened: list[Store] = []
    opening = request.param(request, tmp_path)

    def open_store(target: str = "dev") -> Store:
        opened.append(opening(target))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(open_again: Open) -> Store:
    return open_again()


@pytest.fixture
def locked(store: Store) -> Iterator[Store]:
    with store.lock(HOLDER, timeout_s=0):
        yield store


def intent(operation: str = "op-1", *, run: str = "run-1", address: Address = BLUE, **changes: object) -> Intent:
    facts = {"step": 1, "action": "create", "before": None, "after": {"n": 1}, "generation": 1, "started": "T1"}
    return Intent(operation, run, address=address, **(facts | changes))  # type: ignore[arg-type]


def run(run_id: str = "run-1", **changes: object) -> Run:
    return Run(**({"id": run_id, "command": "apply", "target": "dev", "started": "T0"} | changes))  # type: ignore[arg-type]


def test_a_new_record_is_empty_and_has_a_lineage(store: Store) -> None:
    state = store.read()
    assert (bool(state.lineage), state.serial, dict(state.entries)) == (True, 0, {})


def test_lineage_and_key_stay_when_the_record_is_opened_again(store: Store, open_again: Open) -> None:
    again = open_again()
    assert (again.read().lineage, again.secret_key()) == (store.read().lineage, store.secret_key())


def test_an_intent_is_unfinished_until_it_ends(locked: Store) -> None:
    locked.intend(intent())
    assert locked.unfinished() == (intent(),)


def test_an_intent_survives_opening_again(locked: Store, open_again: Open) -> None:
    locked.intend(intent(before={"n": 0}))
    assert open_again().unfinished() == (intent(before={"n": 0}),)


def test_unfinished_intents_come_oldest_first(locked: Store) -> None:
    for name in ("op-9", "op-1", "op-5"):
        locked.intend(intent(name))
    locked.abandon("op-1", **END)
    assert [item.operation for item in locked.unfinished()] == ["op-9", "op-5"]


def test_finish_ends_the_operation_and_records_the_entry(locked: Store, open_again: Open) -> None:
    locked.intend(intent())
    locked.finish("op-1", BLUE, Entry({"n": 1}, 1, "op-1", "T2"), **END)
    again = open_again()
    assert (again.unfinished(), again.read().entries) == ((), {BLUE: Entry({"n": 1}, 1, "op-1", "T2")})


def test_the_labels_of_references_are_recorded_beside_the_spec(locked: Store, open_again: Open) -> None:
    labelled = Entry({"model": "azureml:risk:1"}, 1, "op-1", "T2", {"model": "latest"})
    locked.note(BLUE, labelled)
    assert open_again().read().entries == {BLUE: labelled}
    locked.load(locked.dump())
    assert open_again().read().entries == {BLUE: labelled}
    locked.note(BLUE, Entry(labelled.spec, 1, "op-1", "T2"))
    assert open_again().read().entries[BLUE].labels == {}


def test_finish_without_an_entry_forgets_the_address(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    locked.intend(intent(action="delete"))
    locked.finish("op-1", BLUE, None, **END)
    assert locked.read().entries == {}


def test_finish_raises_the_serial_by_one_even_when_nothing_differs(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    locked.intend(intent())
    locked.finish("op-1", BLUE, Entry({"n": 1}), **END)
    assert locked.read().serial == 2


def test_finishing_what_is_not_under_way_is_refused_and_records_nothing(locked: Store) -> None:
    with pytest.raises(StateError, match="operation op-1 is not under way"):
        locked.finish("op-1", BLUE, Entry({"n": 1}), **END)
    assert locked.read().entries == {}


def test_an_operation_ends_once(locked: Store) -> None:
    locked.intend(intent())
    locked.abandon("op-1", **END)
    with pytest.raises(StateError, match="not under way"):
        locked.abandon("op-1", **END)


def test_abandon_leaves_the_record_as_it_was(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    before = locked.read()
    locked.intend(intent())
    locked.abandon("op-1", **(END | {"outcome": "failed"}))
    assert (locked.read(), locked.unfinished()) == (before, ())


def test_note_corrects_the_record_and_raises_the_serial(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    locked.note(BLUE, Entry({"n": 2}))
    locked.note(CREDIT, Entry({}))
    locked.note(CREDIT, None)
    assert (locked.read().serial, locked.read().entries) == (4, {BLUE: Entry({"n": 2})})


def test_note_of_what_is_recorded_already_changes_nothing(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    locked.note(BLUE, Entry({"n": 1}))
    locked.note(CREDIT, None)
    assert locked.read().serial == 1


def test_an_empty_record_takes_over_the_identity_of_one_that_was_lost(locked: Store, open_again: Open) -> None:
    locked.begin_run(run())
    locked.intend(intent())
    locked.abandon("op-1", **END)
    locked.adopt("of the lost one")
    state = open_again().read()
    assert (state.lineage, state.serial, state.entries) == ("of the lost one", 1, {})
    assert locked.generation(BLUE) == 1


def test_taking_over_ones_own_identity_changes_nothing(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    before = locked.read()
    locked.adopt(before.lineage)
    assert locked.read() == before


def test_a_record_that_is_not_empty_keeps_its_identity(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    before = locked.read()
    with pytest.raises(StateError, match="target dev: its record is not empty"):
        locked.adopt("other")
    assert locked.read() == before


def test_a_record_with_an_operation_under_way_keeps_its_identity(locked: Store) -> None:
    locked.intend(intent())
    with pytest.raises(StateError, match="target dev: its record is not empty"):
        locked.adopt("other")


def test_taking_over_leaves_other_targets_of_the_record_alone(locked: Store, open_again: Open) -> None:
    other = open_again("prod")
    before = other.read()
    locked.adopt("other")
    assert other.read() == before


def test_the_root_of_a_record_that_is_opened_again_is_the_same(locked: Store, open_again: Open) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    locked.intend(intent())
    state = locked.read()
    assert open_again().root() == locked.root()
    assert (locked.root().lineage, locked.root().serial, locked.root().entries) == (state.lineage, state.serial, 1)
    assert locked.root().open == 1


def test_whatever_is_different_of_an_entry_makes_another_root_and_another_digest(locked: Store) -> None:
    base = Entry({"n": 1, "token": Secret("1" * 64)}, 1, "op-1", "T2", {"model": "latest"})
    others = (
        replace(base, spec={**base.spec, "n": 1.5}),
        replace(base, spec={**base.spec, "token": Secret("2" * 64)}),
        replace(base, generation=2),
        replace(base, operation="op-2"),
        replace(base, created="T3"),
        replace(base, labels={"model": "newest"}),
    )
    seen = set()
    for entry in (base, *others):
        locked.note(BLUE, entry)
        seen.add((locked.root().digest, locked.digests()[BLUE]))
    assert {len(seen), len({root for root, _ in seen}), len({digest for _, digest in seen})} == {len(others) + 1}


def test_taking_a_lock_and_noting_what_is_known_leave_the_root_as_it_was(store: Store) -> None:
    with store.lock(HOLDER, timeout_s=0):
        store.note(BLUE, Entry({"n": 1}))
        before = store.root()
        store.note(BLUE, Entry({"n": 1}))
        store.begin_run(run())
    with store.lock(HOLDER, timeout_s=0):
        assert store.root() == before


def test_an_operation_without_an_end_shows_in_the_root_until_it_has_one(locked: Store) -> None:
    before = locked.root()
    locked.intend(intent())
    one = locked.root()
    locked.intend(intent("op-2"))
    other = locked.root()
    for name in ("op-1", "op-2"):
        locked.abandon(name, **END)
    after = locked.root()
    assert [root.open for root in (before, one, other, after)] == [0, 1, 2, 0]
    assert len({root.open_digest for root in (before, one, other)}) == 3
    assert after == before


def test_a_root_is_one_of_its_own_digests_and_of_no_others(locked: Store) -> None:
    empty = locked.root()
    for address in (BLUE, CREDIT, RISK):
        locked.note(address, Entry({"n": 1}))
    full, digests = locked.root(), locked.digests()
    assert set(digests) == {BLUE, CREDIT, RISK}
    assert (full.is_of(digests.values()), empty.is_of([]), full.is_of([]), empty.is_of(digests.values())) == (
        True, True, False, False,
    )  # fmt: skip
    locked.note(CREDIT, None)
    assert not full.is_of(locked.digests().values())


def test_the_digest_of_an_entry_stays_while_others_change(locked: Store) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    before = locked.digests()
    locked.note(CREDIT, Entry({"n": 1}))
    locked.note(RISK, Entry({"n": 1}))
    locked.note(RISK, None)
    assert {**locked.digests(), CREDIT: ""} == {**before, CREDIT: ""}


def test_some_entries_are_those_that_a_whole_read_gives(locked: Store, open_again: Open) -> None:
    locked.note(BLUE, Entry({"n": 1, "token": Secret.of("hunter2", locked.secret_key())}, 3, "op", "T", {"model": "l"}))
    locked.note(CREDIT, Entry({}))
    again = open_again()
    assert again.some([RISK, BLUE]) == {BLUE: again.read().entries[BLUE]}
    assert again.some([CREDIT, BLUE, RISK]) == again.read().entries
    assert again.some([]) == {}
    again.verify()


def test_more_entries_than_one_query_takes_are_read_as_well(locked: Store) -> None:
    many = [Address("endpoint", f"e{number}") for number in range(1203)]
    state = State(locked.read().lineage, 1203, {address: Entry({"n": 1}) for address in many})
    locked.load(replace(locked.dump(), state=state))
    assert locked.some(many) == locked.read().entries == dict.fromkeys(many, Entry({"n": 1}))


def test_targets_of_one_record_have_roots_of_their_own(locked: Store, open_again: Open) -> None:
    other = open_again("prod")
    before = other.root()
    locked.note(BLUE, Entry({"n": 1}))
    assert (other.root(), other.digests(), other.some([BLUE])) == (before, {}, {})


def test_the_highest_generation_outlives_the_resource(locked: Store) -> None:
    locked.note(BLUE, Entry({}, generation=3))
    locked.intend(intent(generation=7))
    locked.finish("op-1", BLUE, None, **END)
    assert (locked.generation(BLUE), locked.generation(CREDIT)) == (7, 0)


def test_the_generation_of_an_entry_counts_without_a_journal(locked: Store) -> None:
    locked.note(BLUE, Entry({}, generation=3))
    assert locked.generation(BLUE) == 3


def test_all_kinds_of_values_come_back_as_json_has_them(locked: Store) -> None:
    spec = {"n": 1, "f": 0.5, "none": None, "yes": True, "list": (1, "two"), "deep": {"a": {"ü": "\ud800\x00"}}}
    locked.note(RISK, Entry(spec))
    assert locked.read().entries[RISK].spec == {**spec, "list": [1, "two"]}


def test_a_secret_comes_back_equal_and_without_its_value(locked: Store) -> None:
    secret = Secret.of("hunter2", locked.secret_key())
    locked.note(BLUE, Entry({"environment_variables": {"TOKEN": secret}}))
    recorded = locked.read().entries[BLUE].spec["environment_variables"]["TOKEN"]
    assert (recorded == secret, recorded.value) == (True, None)


def test_a_secret_of_an_intent_loses_its_value(locked: Store) -> None:
    locked.intend(intent(after={"key": Secret.of("hunter2", locked.secret_key())}))
    (unfinished,) = locked.unfinished()
    assert unfinished.after is not None
    assert unfinished.after["key"].value is None


def test_a_message_that_is_no_text_is_still_recorded(locked: Store) -> None:
    locked.intend(intent())
    locked.abandon("op-1", **(END | {"message": "log: \udcff\0"}))
    assert locked.operations("run-1")[0].message == "log: ??"


def test_runs_come_newest_first_and_as_many_as_asked_for(locked: Store) -> None:
    for name in ("run-b", "run-a", "run-c"):
        locked.begin_run(run(name))
    assert [item.id for item in locked.runs(limit=2)] == ["run-c", "run-a"]


def test_a_run_keeps_who_what_and_from_which_commit(locked: Store) -> None:
    origin = Origin(("manifests",), whole=True, given=("SIZE",), back_to="run-0", took_back=("c" * 40, "d" * 40))
    who = {"user": "ana", "host": "h", "pid": 7, "commit": "c" * 40, "tree": "t", "branch": "main", "author": "B"}
    whole = run(**who, dirty=True, plan_digest="d", steps=3, origin=origin)
    locked.begin_run(whole)
    locked.end_run("run-1", "succeeded", "T9")
    assert locked.runs() == (Run(**(vars(whole) | {"outcome": "succeeded", "finished": "T9"})),)


def test_a_run_begins_once_and_ends_only_when_begun(locked: Store) -> None:
    locked.begin_run(run())
    with pytest.raises(StateError, match="run run-1 was begun before"):
        locked.begin_run(run())
    with pytest.raises(StateError, match="no run run-2 was begun"):
        locked.end_run("run-2", "failed", "T9")


def inverse(**specs: object) -> Inverse:
    """What brings blue back to where it was, and one address that was not there."""
    fields = (FieldChange("n", 2, 1), FieldChange("key", Secret("2" * 64), Secret("1" * 64)))
    steps = (
        Step(1, Action.UPDATE, BLUE, "n changed", fields, None, None),
        Step(2, Action.DELETE, RISK, "", (), None, None, (1,)),
    )
    return Inverse({BLUE: {"n": 1, "key": Secret("1" * 64), "odd": {"$secret": "x"}, **specs}, RISK: None}, steps)


def test_a_run_begins_with_what_would_undo_it(locked: Store, open_again: Open) -> None:
    locked.begin_run(run(), inverse())
    locked.begin_run(run("run-2"))
    locked.begin_run(run("run-3"), Inverse())
    again = open_again()
    assert [again.inverse(name) for name in ("run-1", "run-2", "run-3", "run-4")] == [inverse(), None, Inverse(), None]


def test_an_inverse_knows_no_value_of_a_secret(locked: Store) -> None:
    locked.begin_run(run(), inverse(token=Secret.of("hunter2", locked.secret_key())))
    kept = locked.inverse("run-1")
    assert kept is not None
    assert kept.specs[BLUE]["token"].value is None  # type: ignore[index]


def test_a_run_that_was_begun_before_leaves_its_inverse_as_it_was(locked: Store) -> None:
    locked.begin_run(run(), inverse())
    with pytest.raises(StateError, match="was begun before"):
        locked.begin_run(run(), Inverse())
    assert locked.inverse("run-1") == inverse()


def test_a_record_that_takes_over_an_identity_keeps_its_inverses(locked: Store, open_again: Open) -> None:
    locked.begin_run(run(), inverse())
    locked.adopt("of the lost one")
    assert open_again().inverse("run-1") == inverse()


def test_an_operation_is_intended_once(locked: Store) -> None:
    locked.intend(intent())
    with pytest.raises(StateError, match="operation op-1 was intended before"):
        locked.intend(intent())


def test_what_is_written_together_is_there_once_the_block_ends(locked: Store, open_again: Open) -> None:
    for name in ("op-1", "op-2"):
        locked.intend(intent(name))
    with locked.together():
        locked.finish("op-1", BLUE, Entry({"n": 1}, 1, "op-1", "T2"), **END)
        locked.abandon("op-2", **END)
        locked.intend(intent("op-3", address=CREDIT, generation=5))
    again = open_again()
    assert [item.operation for item in again.unfinished()] == ["op-3"]
    assert (again.read().serial, again.read().entries) == (1, {BLUE: Entry({"n": 1}, 1, "op-1", "T2")})
    assert again.generation(CREDIT) == 5


def test_of_what_is_written_together_nothing_is_there_where_a_part_cannot_be(locked: Store, open_again: Open) -> None:
    def written() -> None:
        with locked.together():
            locked.finish("op-1", BLUE, Entry({"n": 1}, 1, "op-1", "T2"), **END)
            locked.intend(intent("op-2", address=CREDIT))
            locked.intend(intent())

    locked.intend(intent())
    before = locked.read()
    with pytest.raises(StateError, match="operation op-1 was intended before"):
        written()
    again = open_again()
    assert (again.read(), again.unfinished()) == (before, (intent(),))


def test_nothing_is_written_of_a_block_that_fails(locked: Store, open_again: Open) -> None:
    def broken_off() -> None:
        with locked.together():
            locked.intend(intent())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    assert open_again().unfinished() == ()
    locked.intend(intent())
    assert open_again().unfinished() == (intent(),)


def test_operations_of_a_run_come_in_order_with_their_ends(locked: Store) -> None:
    for name, of in (("op-2", "run-1"), ("op-1", "run-1"), ("op-3", "run-2")):
        locked.intend(intent(name, run=of))
    locked.abandon("op-2", outcome="failed", message="no quota", finished="T9")
    assert locked.operations("run-1") == (
        Journalled(intent("op-2"), "failed", "no quota", "T9"),
        Journalled(intent("op-1")),
    )


def test_two_targets_of_one_record_are_apart(locked: Store, open_again: Open) -> None:
    other = open_again("prod")
    locked.begin_run(run(), inverse())
    locked.note(BLUE, Entry({"n": 1}))
    locked.intend(intent())
    with other.lock(HOLDER, timeout_s=0):
        other.note(CREDIT, Entry({}))
        with pytest.raises(StateError, match="not under way"):
            other.abandon("op-1", **END)
    state = other.read()
    assert (set(state.entries), state.serial, other.unfinished(), other.runs()) == ({CREDIT}, 1, (), ())
    assert (other.generation(BLUE), other.operations("run-1"), other.inverse("run-1")) == (0, (), None)
    assert state.lineage != locked.read().lineage


def test_a_run_that_is_forgotten_is_gone_with_all_that_it_did(locked: Store, open_again: Open) -> None:
    for name in ("run-1", "run-2"):
        locked.begin_run(run(name), inverse())
        locked.intend(intent(f"op of {name}", run=name, generation=1 if name == "run-1" else 2))
        locked.finish(f"op of {name}", BLUE, Entry({"n": 1}, 1 if name == "run-1" else 2), **END)
    before = locked.read()
    locked.forget(["run-1"])
    again = open_again()
    assert [each.id for each in again.runs()] == ["run-2"]
    assert (again.operations("run-1"), again.inverse("run-1"), again.inverse("run-2")) == ((), None, inverse())
    assert (again.read(), [item.intent.run for item in again.dump().operations]) == (before, ["run-2"])


def test_the_highest_generation_outlives_the_run_that_is_forgotten(locked: Store, open_again: Open) -> None:
    locked.begin_run(run())
    for number, address in ((1, BLUE), (2, BLUE), (3, RISK)):
        locked.intend(intent(f"op-{number}", address=address, generation=number, after={"token": "hunter2"}))
        locked.finish(f"op-{number}", address, None, **END)
    locked.forget(["run-1"])
    again = open_again()
    assert [again.generation(address) for address in (BLUE, RISK, CREDIT)] == [2, 3, 0]
    assert [(item.intent.operation, item.intent.after) for item in again.dump().operations] == [
        ("op-2", None),
        ("op-3", None),
    ]
    assert again.dump().generations == {BLUE: 2, RISK: 3}
    locked.forget(["run-1"])
    assert again.generation(BLUE) == 2


def test_a_run_with_an_operation_under_way_is_not_forgotten(locked: Store) -> None:
    locked.begin_run(run())
    locked.intend(intent())
    with pytest.raises(StateError, match="run run-1 cannot be forgotten: create deployment/credit/blue has no end"):
        locked.forget(["run-1"])
    assert (len(locked.runs()), locked.unfinished()) == (1, (intent(),))


def test_the_runs_of_another_target_are_not_forgotten(locked: Store, open_again: Open) -> None:
    other = open_again("prod")
    with other.lock(HOLDER, timeout_s=0):
        other.begin_run(run(target="prod"))
    locked.forget(["run-1"])
    assert [each.id for each in other.runs()] == ["run-1"]


def test_a_place_tells_of_all_its_targets(locked: Store, open_again: Open) -> None:
    open_again("prod")
    assert locked.neighbours() == ("dev", "prod")


WRITES: dict[str, Callable[[Store], None]] = {
    "begin_run": lambda store: store.begin_run(run("other")),
    "end_run": lambda store: store.end_run("run-1", "failed", "T9"),
    "intend": lambda store: store.intend(intent("other")),
    "finish": lambda store: store.finish("op-1", BLUE, Entry({}), **END),
    "abandon": lambda store: store.abandon("op-1", **END),
    "note": lambda store: store.note(BLUE, Entry({"n": 2})),
    "adopt": lambda store: store.adopt("other"),
    "forget": lambda store: store.forget(["run-1"]),
    "load": lambda store: store.load(Record("dev", State("other"), "")),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_without_the_lock_is_refused_and_changes_nothing(store: Store, name: str) -> None:
    with store.lock(HOLDER, timeout_s=0):
        store.begin_run(run())
        store.intend(intent())
    before = (store.read(), store.unfinished(), store.runs())
    with pytest.raises(StateError, match="target dev: a write needs the run lock"):
        WRITES[name](store)
    assert (store.read(), store.unfinished(), store.runs()) == before


def test_a_write_of_another_store_is_refused_while_one_holds_the_lock(locked: Store, open_again: Open) -> None:
    with pytest.raises(StateError, match="a write needs the run lock"):
        open_again().note(BLUE, None)


def test_the_lock_excludes_another_and_names_its_holder(locked: Store, open_again: Open) -> None:
    with pytest.raises(LockHeldError) as told, open_again().lock({}, timeout_s=0):
        pass
    assert str(told.value) == (
        "target dev is locked by ana@laptop (pid 4711, mlops apply) since 2026-02-03 12:04:31 UTC; "
        "wait with --lock-timeout, end that process, or break its lock: `mlops state unlock 3f9a61c2 --target dev`"
    )


def test_who_holds_the_lock_is_told_to_whoever_looks(store: Store, open_again: Open) -> None:
    assert open_again().holder() is None
    with store.lock(HOLDER, timeout_s=0):
        assert (open_again().holder(), open_again("prod").holder()) == (HOLDER, None)
    assert open_again().holder() is None


def test_looking_who_holds_the_lock_leaves_it_to_others(store: Store, open_again: Open) -> None:
    assert store.holder() is None
    with open_again().lock(HOLDER, timeout_s=0):
        pass


def test_the_lock_is_free_after_an_error_within(store: Store, open_again: Open) -> None:
    with pytest.raises(KeyError), store.lock(HOLDER, timeout_s=0):
        raise KeyError
    with open_again().lock(HOLDER, timeout_s=0):
        pass


def test_reading_needs_no_lock(locked: Store, open_again: Open) -> None:
    locked.note(BLUE, Entry({"n": 1}))
    assert set(open_again().read().entries) == {BLUE}


def test_what_was_read_does_not_change_with_the_record(locked: Store) -> None:
    before = locked.read()
    locked.note(BLUE, Entry({"n": 1}))
    assert before.entries == {}


def test_f30_a_broken_lock_is_free_and_its_holder_writes_no_more(locked: Store, open_again: Open) -> None:
    assert dict(open_again().break_lock("3f9a61c2")) == HOLDER
    other = open_again()
    for write in (lambda: locked.note(BLUE, Entry({"n": 1})), lambda: locked.begin_run(run())):
        with pytest.raises(StateError, match="target dev: the lock of this run was broken or taken over"):
            write()
    with other.lock({**HOLDER, "id": "another"}, timeout_s=0):
        with pytest.raises(StateError, match="broken or taken over"):
            locked.note(BLUE, Entry({"n": 1}))
        other.note(BLUE, Entry({"n": 2}))
    assert other.read().entries == {BLUE: Entry({"n": 2})}


def test_a_lock_that_was_taken_after_a_break_outlives_the_end_of_the_broken_one(store: Store, open_again: Open) -> None:
    other = open_again()
    with store.lock(HOLDER, timeout_s=0):
        other.break_lock("3f9a61c2")
        holding = other.lock({**HOLDER, "id": "another"}, timeout_s=0)
        holding.__enter__()
    with pytest.raises(LockHeldError, match="unlock another"), open_again().lock({}, timeout_s=0):
        pass
    other.note(BLUE, Entry({"n": 2}))
    holding.__exit__(None, None, None)
    assert other.holder() is None


@pytest.mark.parametrize("lock_id", ["", "3f9a61c", "another"])
def test_only_the_lock_that_is_held_can_be_broken(locked: Store, open_again: Open, lock_id: str) -> None:
    with pytest.raises(RefusedError, match=f"lock {lock_id} is not held; the lock is 3f9a61c2, of ana@laptop"):
        open_again().break_lock(lock_id)
    locked.note(BLUE, Entry({"n": 1}))


def test_a_lock_that_nobody_holds_cannot_be_broken(store: Store, open_again: Open) -> None:
    with store.lock(HOLDER, timeout_s=0):
        pass
    with pytest.raises(RefusedError, match="target dev is not locked"):
        open_again().break_lock("3f9a61c2")


def test_a_lock_is_broken_once(locked: Store, open_again: Open) -> None:
    open_again().break_lock("3f9a61c2")
    with pytest.raises(RefusedError, match="target dev is not locked"):
        open_again().break_lock("3f9a61c2")


def test_a_lock_without_an_id_cannot_be_broken(store: Store, open_again: Open) -> None:
    with store.lock({}, timeout_s=0), pytest.raises(RefusedError, match="its lock tells no id, so end its holder"):
        open_again().break_lock("3f9a61c2")


def filled(store: Store) -> Record:
    """A record with something of everything."""
    store.begin_run(run(), inverse())
    store.note(CREDIT, Entry({}, 2, "op-0", "T0"))
    secret = Secret.of("hunter2", store.secret_key())
    for name, address in (("op-1", BLUE), ("op-2", RISK), ("op-3", CREDIT)):
        store.intend(intent(name, address=address, generation=4, after={"key": secret, "n": 1}))
    store.finish("op-1", BLUE, Entry({"key": secret}, 4, "op-1", "T2"), **END)
    store.abandon("op-2", outcome="failed", message="no quota", finished="T3")
    store.end_run("run-1", "failed", "T9")
    return store.dump()


def test_everything_is_dumped(locked: Store) -> None:
    record = filled(locked)
    assert record.state == locked.read()
    assert record.runs == locked.runs()
    assert record.inverses == {"run-1": inverse()}
    assert record.operations == locked.operations("run-1")
    assert record.under_way == locked.unfinished()
    assert record.generations == {BLUE: 4, RISK: 4, CREDIT: 4}
    assert (record.target, len(record.key)) == ("dev", 64)


def test_a_record_that_is_loaded_is_the_one_that_was_dumped(locked: Store, open_again: Open) -> None:
    record = record_of(record_text(filled(locked)), "f")
    locked.load(Record("dev", State("new"), record.key))
    emptied = locked.dump()
    assert (emptied.state.lineage, emptied.state.entries, emptied.operations, emptied.runs) == ("new", {}, (), ())
    assert emptied.inverses == {}
    locked.load(record)
    loaded = open_again().dump()
    assert replace(loaded, state=replace(loaded.state, serial=record.state.serial)) == record
    assert [locked.generation(address) for address in (BLUE, RISK, CREDIT)] == [4, 4, 4]


def test_the_serial_never_goes_back_where_something_was_recorded(locked: Store) -> None:
    record = filled(locked)
    locked.note(RISK, Entry({}))
    before = locked.read().serial
    locked.load(record)
    assert locked.read().serial == before + 1


def test_a_record_that_was_never_written_takes_over_the_serial(locked: Store, open_again: Open) -> None:
    record = filled(locked)
    locked.load(Record("dev", State("other", 5), record.key))
    other = open_again("prod")
    with other.lock(HOLDER, timeout_s=0):
        other.load(replace(record, operations=(), runs=(), inverses={}))
    assert other.read() == record.state


def test_a_run_goes_on_in_a_record_that_was_loaded(locked: Store) -> None:
    locked.load(record_of(record_text(filled(locked)), "f"))
    locked.finish("op-3", CREDIT, Entry({"n": 2}, 4, "op-3", "T4"), **END)
    assert (locked.unfinished(), locked.read().entries[CREDIT].spec) == ((), {"n": 2})
