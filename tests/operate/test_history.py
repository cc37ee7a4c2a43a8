"""History: which runs there were, how each ended, and what it did; unfinished ones are told apart."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.core.secret import Secret
from reconciler.core.state import Entry
from reconciler.errors import MlopsError
from reconciler.operate.history import history, how_ended, run_of, shown_run
from reconciler.record.memory import MemoryStore
from reconciler.record.store import Intent, Run
from reconciler.render.history import history_text, run_text

BLUE = Address("deployment", "blue", endpoint="credit")
RISK = Address("model", "risk", version="2")
HOLDER = {"id": "1", "user": "ana", "host": "laptop", "pid": 7, "command": "mlops apply", "started": "T"}
FACTS = {"user": "ana", "host": "laptop", "pid": 7, "commit": "c" * 40, "branch": "main", "plan_digest": "d" * 64}


def run(name: str, **facts: object) -> Run:
    told = {"command": "apply", "started": "2026-02-03T12:04:31.500+00:00", **FACTS, **facts}
    return Run(name, target="dev", **told)  # type: ignore[arg-type]


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    """A record, locked by ana's process 7."""
    made = MemoryStore("dev")
    with made.lock(HOLDER, timeout_s=0):
        yield made


def begun(store: MemoryStore, of: Run, number: int, address: Address, before: object, after: object) -> str:
    operation = f"{of.id}-{number}"
    action = "create" if before is None else "delete" if after is None else "roll_out"
    store.intend(Intent(operation, of.id, number, action, address, before, after, number, "T1"))  # type: ignore[arg-type]
    return operation


def outcomes(store: MemoryStore) -> list[tuple[str, str]]:
    return [(each["id"], each["outcome"]) for each in history(store, "dev", limit=9)["runs"]]


def test_runs_come_newest_first_and_as_many_as_asked_for(store: MemoryStore):
    for name in ("one", "two", "three"):
        store.begin_run(run(name))
        store.end_run(name, "succeeded", "T9")
    assert [each["id"] for each in history(store, "dev", limit=2)["runs"]] == ["three", "two"]


def test_a_run_without_an_end_is_in_progress_only_while_its_own_process_holds_the_lock(store: MemoryStore):
    store.begin_run(run("killed", pid=6))
    store.begin_run(run("at work"))
    assert outcomes(store) == [("at work", "in progress"), ("killed", "cut off")]


def test_where_nobody_holds_the_lock_every_run_without_an_end_was_cut_off():
    store = MemoryStore("dev")
    with store.lock(HOLDER, timeout_s=0):
        store.begin_run(run("one"))
    assert outcomes(store) == [("one", "cut off")]


def test_a_run_that_ends_between_two_looks_is_not_called_cut_off():
    class Ending(MemoryStore):
        def holder(self) -> None:
            self._kept.runs = {name: replace(each, outcome="succeeded") for name, each in self._kept.runs.items()}

    store = Ending("dev")
    with store.lock(HOLDER, timeout_s=0):
        store.begin_run(run("one"))
    assert outcomes(store) == [("one", "succeeded")]


def test_a_lock_whose_holder_is_unknown_leaves_its_run_in_progress():
    assert how_ended(run("one"), {}) == "in progress"


def test_a_run_is_found_by_its_id_by_a_begin_that_is_its_own_and_as_the_last():
    runs = [run("0abcd1"), run("0abce2"), run("0abc")]
    names = ("0abce", "0abc", "0abcd1", "last")
    assert [run_of(runs, name, "dev").id for name in names] == ["0abce2", "0abc", "0abcd1", "0abcd1"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("0abc", "2 runs of target dev begin with 0abc: 0abcd1, 0abce2"),
        ("xxxx", "no run xxxx"),
        ("", "no run "),
        ("1", "1 is too short for a run; write at least 4 characters of its id"),
    ],
)
def test_a_name_that_means_no_run_or_several_is_refused(name: str, said: str):
    with pytest.raises(MlopsError, match=said):
        run_of([run("0abcd1"), run("0abce2")], name, "dev")


def test_the_last_run_of_none_is_refused(store: MemoryStore):
    with pytest.raises(MlopsError, match="target dev has no run last"):
        shown_run(store, "dev", "last")


def test_a_shown_run_tells_each_operation_with_its_fields_its_message_and_its_end(store: MemoryStore):
    of = run("one", dirty=True)
    store.begin_run(of)
    before = {"model": "azureml:risk:1", "environment_variables": {"KEY": Secret("1" * 64)}, "tags": {}}
    after = {**before, "model": "azureml:risk:2", "environment_variables": {"KEY": Secret("2" * 64)}}
    done = begun(store, of, 1, RISK, None, {"path": {"name": "m", "digest": f"sha256:{'a' * 64}"}})
    store.finish(done, RISK, Entry({}), outcome="succeeded", message="", finished="2026-02-03T12:05:00+00:00")
    failed = begun(store, of, 2, BLUE, before, after)
    store.abandon(failed, outcome="failed", message="not ready\x1b[2J", finished="2026-02-03T12:06:00+00:00")
    begun(store, of, 3, BLUE, before, None)
    assert run_text(shown_run(store, "dev", "one")) == (
        "run one: in progress\n"
        "  command   mlops apply (target dev)\n"
        "  by        ana@laptop, pid 7\n"
        "  time      2026-02-03 12:04:31 to (no end)\n"
        "  commit    cccccccccccc (dirty) on main\n"
        "  plan      dddddddddddd, 3 steps: 1 failed, 1 succeeded, 1 without an end\n"
        "\n"
        "  #1 + create model/risk:2: succeeded (T1 to 2026-02-03 12:05:00)\n".replace("T1", " 1")
        + '       path  {"digest": "sha256:aaaaaaaaaaaa", "name": "m"}\n'
        "  #2 ~ roll_out deployment/credit/blue: failed ( 1 to 2026-02-03 12:06:00)\n"
        "       environment_variables.KEY  (secret 1) -> (secret 2)\n"
        "       model                      azureml:risk:1 -> azureml:risk:2\n"
        "       | not ready\\x1b[2J\n"
        "  #3 - delete deployment/credit/blue: begun  1, without an end\n"
        "\n"
        "What would undo it was not written down."
    )


def test_a_shown_run_tells_what_would_undo_it(store: MemoryStore):
    change = FieldChange("key", Secret("2" * 64), Secret("1" * 64))
    steps = (
        Step(1, Action.CREATE, RISK, "new", (), None, None),
        Step(2, Action.ROLL_OUT, BLUE, "key changed", (change,), None, None, (1,)),
    )
    store.begin_run(run("one"), Inverse({RISK: {"description": "of before"}, BLUE: {}}, steps))
    assert run_text(shown_run(store, "dev", "one")).endswith(
        "What would undo it, from where it was to lead:\n"
        "  #1 + create model/risk:2 (new)\n"
        "       description  of before\n"
        "  #2 ~ roll_out deployment/credit/blue (key changed)\n"
        "       key  (secret 1) -> (secret 2)"
    )


def test_a_listed_run_says_who_when_what_from_where_and_how_it_ended(store: MemoryStore):
    store.begin_run(run("one" * 6, commit="", branch="", plan_digest="", command="mlops rollback"))
    store.end_run("one" * 6, "failed", "T9")
    assert history_text(history(store, "dev", limit=1)) == (
        "oneoneoneone  2026-02-03 12:04:31  failed  mlops rollback by ana\n              no commit, plan none, 0 steps"
    )


def test_no_history_is_told_as_such(store: MemoryStore):
    assert history_text(history(store, "dev", limit=1)) == "Nothing was run so far (target dev)."


def test_names_of_others_act_nowhere(store: MemoryStore):
    store.begin_run(run("::error::x\x1b[2J\nsecond", user="::error::\x07", branch="\n::debug::", host="\u202e"))
    for text in (history_text(history(store, "dev", limit=1)), run_text(shown_run(store, "dev", "last"))):
        assert not any(line.lstrip().startswith("::") for line in text.split("\n"))
        assert all(c.isprintable() or c == "\n" for c in text)
