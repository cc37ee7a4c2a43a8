"""What a run left without an end: what became of it, what is recorded of it, and who may still be at work on it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.apply import as_recovered, recoveries, unfinished
from reconciler.apply.recover import recover
from reconciler.core.plan import Operation, Step
from reconciler.core.state import Entry, Live
from reconciler.errors import ProviderError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.memory import Memory, MemoryStore
from reconciler.record.store import Intent
from tests.builders import blue

HOLDER = {"user": "u", "host": "h", "pid": 1, "command": "test", "started": "now"}
BLUE = blue().address
OLD, NEW = dict(blue(model="azureml:risk:1").spec), dict(blue(model="azureml:risk:2").spec)
INTENTS = {
    "create": Intent("op", "run", 1, "create", BLUE, None, NEW, 1, "then"),
    "roll_out": Intent("op", "run", 1, "roll_out", BLUE, OLD, NEW, 2, "then"),
    "delete": Intent("op", "run", 1, "delete", BLUE, OLD, None, 2, "then"),
}


def never() -> str:
    return "2026-01-01T00:00:00.000+00:00"


class Platform(MemoryProvider):
    """Shows one object as a test has it, and writes down what it is asked, in order."""

    def __init__(self, live: Live | None = None, *, broken: str = "") -> None:
        super().__init__()
        self.live, self.broken, self.asked = live, broken, list[str]()

    def fence(self, address, generation):
        self._ask("fence")
        super().fence(address, generation)

    def observe(self, address):
        self._ask("observe")
        return self.live

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what == self.broken:
            raise ProviderError("the platform is away")


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def store(memory: Memory) -> Iterator[MemoryStore]:
    made = MemoryStore("test", memory)
    with made.lock(HOLDER, timeout_s=0):
        yield made


def begun(store: MemoryStore, action: str) -> Intent:
    """An operation that was cut off; what it works on is recorded, unless it is a creation."""
    intent = INTENTS[action]
    if intent.before:
        store.note(BLUE, Entry(OLD, 1, "before", never()))
    store.intend(intent)
    return intent


def there(store: MemoryStore, spec, operation: str = "op", *, lineage: str = "") -> Live:
    return Live(BLUE, spec, lineage or store.read().lineage, 2, operation)


def found(store: MemoryStore, live: Live | None) -> tuple[str, Entry | None]:
    """How the journal tells the end, and what is recorded."""
    recover(Platform(live), store, now=never)
    assert store.unfinished() == ()
    return store.operations("run")[0].outcome, store.read().entries.get(BLUE)


@pytest.mark.parametrize("action", ["create", "roll_out"])
def test_what_carries_the_operation_and_is_as_intended_was_done(store, action):
    begun(store, action)
    outcome, entry = found(store, there(store, NEW))
    assert (outcome, entry and entry.spec, entry and entry.operation) == ("recovered as done", NEW, "op")


def test_what_carries_the_operation_and_is_not_as_intended_was_done_in_part(store):
    begun(store, "create")
    half = {**NEW, "instance_count": 0}
    outcome, entry = found(store, there(store, half))
    assert (outcome, entry and entry.spec) == ("recovered as done in part", half)


def test_f02_what_is_as_before_was_not_done(store):
    begun(store, "roll_out")
    outcome, entry = found(store, there(store, OLD, "before"))
    assert (outcome, entry and entry.spec, entry and entry.generation) == ("recovered as not done", OLD, 3)


def test_a_creation_of_which_there_is_nothing_was_not_done(store):
    begun(store, "create")
    assert found(store, None) == ("recovered as not done", None)


def test_a_deletion_of_which_there_is_nothing_was_done(store):
    begun(store, "delete")
    assert found(store, None) == ("recovered as done", None)


def test_a_deletion_that_left_the_object_as_it_was_was_not_done(store):
    begun(store, "delete")
    outcome, entry = found(store, there(store, OLD, "before"))
    assert (outcome, entry and entry.spec) == ("recovered as not done", OLD)


@pytest.mark.parametrize("action", ["create", "roll_out", "delete"])
def test_an_object_of_another_state_is_something_else_and_is_not_recorded(store, action):
    begun(store, action)
    assert found(store, there(store, NEW, lineage="theirs")) == ("recovered as something else", None)


def test_what_vanished_behind_a_change_is_something_else(store):
    begun(store, "roll_out")
    assert found(store, None) == ("recovered as something else", None)


def test_mere_remains_are_no_object(store):
    begun(store, "create")
    assert found(store, there(store, {})) == ("recovered as done in part", None)


def test_symptoms_are_not_recorded(store):
    begun(store, "roll_out")
    _, entry = found(store, there(store, {**NEW, "lost_instances": 1, "stray_instances": 2}))
    assert entry is not None
    assert entry.spec == NEW


def test_the_platform_refuses_older_calls_before_it_is_looked_at(store):
    begun(store, "create")
    platform = Platform()
    recover(platform, store, now=never)
    assert platform.asked == ["fence", "observe"]
    assert platform.fences() == {BLUE: 2}


@pytest.mark.parametrize("broken", ["fence", "observe"])
def test_a_platform_that_is_away_leaves_every_intent_for_the_next_run(store, broken):
    intent = begun(store, "create")
    with pytest.raises(ProviderError, match="away"):
        recover(Platform(broken=broken), store, now=never)
    assert store.unfinished() == (intent,)
    assert store.read().entries == {}


def test_two_recoveries_that_were_cut_off_leave_room_for_the_operation_that_follows(store):
    """The generation is raised at the target and not yet in the record: the next one may be the same, never lower."""
    begun(store, "create")
    platform = Platform()
    platform.fence(BLUE, 2)
    recover(platform, store, now=never)
    step = Step(1, INTENTS["create"].action, BLUE, "", (), None, NEW)
    platform.create(step, Operation("next", store.read().lineage, store.generation(BLUE) + 1))
    with pytest.raises(ProviderError, match="generation"):
        platform.create(step, Operation("op", store.read().lineage, 1))


def test_a_look_before_an_apply_tells_what_it_will_find_and_touches_nothing(store):
    intent = begun(store, "roll_out")
    state = store.read()
    (told,) = recoveries(store.unfinished(), state, {BLUE: there(store, NEW)})
    assert (told.operation, told.action, told.started, str(told.became)) == ("op", "roll_out", "then", "done")
    assert [(field.path, field.before, field.after) for field in told.fields] == [
        ("model", "azureml:risk:1", "azureml:risk:2")
    ]
    assert (store.unfinished(), store.read()) == ((intent,), state)


def test_where_nobody_looked_nothing_is_foretold(store):
    begun(store, "create")
    assert [item.became for item in recoveries(store.unfinished(), store.read(), None)] == [None]


def test_the_record_as_it_will_be_is_the_one_that_recovery_leaves(store):
    begun(store, "roll_out")
    live = there(store, NEW)
    foreseen = as_recovered(store.read(), store.unfinished(), {BLUE: live})
    recover(Platform(live), store, now=never)
    after = store.read()
    assert {a: e.spec for a, e in foreseen.entries.items()} == {a: e.spec for a, e in after.entries.items()}
    assert replace(foreseen, entries={}) == replace(after, entries={}, serial=foreseen.serial)


def test_what_is_open_while_somebody_holds_the_lock_is_under_way(store, memory):
    intent = begun(store, "create")
    assert unfinished(MemoryStore("test", memory)) == ((intent,), HOLDER)


def test_what_is_open_while_nobody_holds_the_lock_was_cut_off(memory):
    store = MemoryStore("test", memory)
    with store.lock(HOLDER, timeout_s=0):
        intent = begun(store, "create")
    assert unfinished(MemoryStore("test", memory)) == ((intent,), None)


def test_what_ends_while_one_looks_was_not_cut_off(memory):
    store = MemoryStore("test", memory)
    with store.lock(HOLDER, timeout_s=0):
        begun(store, "create")

    class Late(MemoryStore):
        def holder(self):
            with store.lock(HOLDER, timeout_s=0):
                recover(Platform(), store, now=never)
            return super().holder()

    assert unfinished(Late("test", memory)) == ((), None)
