"""A killed process leaves the last whole state: every acknowledged write is there, no other is half there."""

import os
import random
import signal
from pathlib import Path

from reconciler.core.address import Address
from reconciler.record.sqlite import SqliteStore

BLUE = Address("deployment", "blue", endpoint="credit")

# In one process per state folder, forked off before each statement that it will be killed at.
AT_EVERY_STATEMENT = """
def work(path, kill_at):
    path.parent.mkdir()
    log = os.open(path.with_suffix(".acked"), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    seen = 0
    def count(statement):
        nonlocal seen
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    def ack(what):
        os.write(log, (json.dumps(what) + "\\n").encode())
    store = SqliteStore(path, "dev", environ={"MLOPS_STATE_KEY": "k"})
    store._connection.set_trace_callback(count)
    with store.lock(HOLDER, timeout_s=0):
        store.begin_run(Run("run-1", "apply", "dev", "T0")); ack("run")
        store.intend(intent("op-1", 1)); ack("intend op-1")
        store.finish("op-1", BLUE, Entry({"n": 1}, 1, "op-1", "T2"), **END); ack("finish op-1")
        store.intend(intent("op-2", 2)); ack("intend op-2")
        store.abandon("op-2", **END); ack("abandon op-2")
        store.note(BLUE, None); ack("note")
        store.end_run("run-1", "succeeded", "T9"); ack("end")
    store.close()

kill_at = 0
while True:
    kill_at += 1
    child = os.fork()
    if not child:
        work(path / str(kill_at) / "state.db", kill_at)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        break
print(kill_at)
"""

STAGES = ["run", "intend op-1", "finish op-1", "intend op-2", "abandon op-2", "note", "end"]

FOREVER = """
store = SqliteStore(path, "dev", environ={"MLOPS_STATE_KEY": "k"})
with store.lock(HOLDER, timeout_s=5):
    n = store.generation(BLUE)
    while True:
        n += 1
        store.intend(intent(f"op-{n}", n))
        store.finish(f"op-{n}", BLUE, Entry({"n": n}, n, f"op-{n}", "T2"), **END)
        print(n, flush=True)
"""


def found(store: SqliteStore) -> set[str]:
    """What the record says was done."""
    runs, operations, state = store.runs(), store.operations("run-1"), store.read()
    done = {"run"} if runs else set()
    done |= {f"intend {row.intent.operation}" for row in operations}
    ends = {"op-1": "finish op-1", "op-2": "abandon op-2"}
    done |= {ends[row.intent.operation] for row in operations if row.finished}
    done |= {"note"} if state.serial == 2 else set()
    done |= {"end"} if runs and runs[0].finished else set()
    assert state.serial == ("finish op-1" in done) + ("note" in done)
    assert set(state.entries) == ({BLUE} if state.serial == 1 else set())
    return done


def test_kill_at_every_statement_loses_nothing_acknowledged(tmp_path: Path, start, acked) -> None:
    process = start(AT_EVERY_STATEMENT, tmp_path)
    points = int(process.communicate(timeout=60)[0])
    wrong = []
    for point in range(1, points):
        path = tmp_path / str(point) / "state.db"
        store = SqliteStore(path, "dev", environ={"MLOPS_STATE_KEY": "k"})
        told, there = acked(path.with_suffix(".acked")), found(store)
        if there not in (set(told), set(STAGES[: len(told) + 1])):
            wrong.append((point, told, there))
        with store.lock({}, timeout_s=0):
            pass
        store.close()
    assert wrong == []
    assert points > 30


def test_kill_at_any_moment_loses_nothing_acknowledged(path: Path, start) -> None:
    chance = random.Random(7)
    for _ in range(8):
        process = start(FOREVER, path)
        for _ in range(chance.randrange(1, 20)):
            last = process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = int((process.communicate()[0].split() or [last])[-1])
        store = SqliteStore(path, "dev", environ={"MLOPS_STATE_KEY": "k"})
        unfinished = store.unfinished()
        with store.lock({}, timeout_s=5):
            for item in unfinished:
                store.abandon(item.operation, outcome="failed", message="killed", finished="T3")
        recorded = store.read().entries[BLUE].spec["n"]
        store.close()
        assert (recorded >= acknowledged, len(unfinished) <= 1) == (True, True)
