"""What a run does to a record, stage by stage, and how much of it a record says was done."""

from collections.abc import Callable

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.record.store import Intent, Run, Store

BLUE = Address("deployment", "blue", endpoint="credit")
END = {"outcome": "succeeded", "message": "x" * 6000, "finished": "T2"}


def intent(operation: str, n: int) -> Intent:
    return Intent(operation, "run-1", n, "update", BLUE, {"n": n - 1}, {"n": n, "text": "y" * 5000}, n, "T1")


STAGES: dict[str, Callable[[Store], object]] = {
    "run": lambda store: store.begin_run(Run("run-1", "apply", "dev", "T0")),
    "intend op-1": lambda store: store.intend(intent("op-1", 1)),
    "finish op-1": lambda store: store.finish("op-1", BLUE, Entry({"n": "x" * 9000}, 1, "op-1", "T2"), **END),
    "intend op-2": lambda store: store.intend(intent("op-2", 2)),
    "abandon op-2": lambda store: store.abandon("op-2", **END),
    "note": lambda store: store.note(BLUE, None),
    "end": lambda store: store.end_run("run-1", "succeeded", "T9"),
}


def stages_in(store: Store) -> set[str]:
    """What the record says was done, where it says nothing of halves."""
    runs, operations, state = store.runs(), store.operations("run-1"), store.read()
    done = {"run"} if runs else set()
    done |= {f"intend {row.intent.operation}" for row in operations}
    ends = {"op-1": "finish op-1", "op-2": "abandon op-2"}
    done |= {ends[row.intent.operation] for row in operations if row.finished}
    done |= {"note"} if state.serial == 2 else set()
    done |= {"end"} if runs and runs[0].finished else set()
    if state.serial != ("finish op-1" in done) + ("note" in done) or len(state.entries) != (state.serial == 1):
        done.add("half a transaction")
    return done


def fits(store: Store, acknowledged: list[str]) -> bool:
    """Whether all that was acknowledged is there, and at the most the one stage that came next."""
    return stages_in(store) in (set(acknowledged), set(list(STAGES)[: len(acknowledged) + 1]))
