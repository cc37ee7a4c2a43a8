"""A killed process leaves the last whole state: every acknowledged write is there, no other is half there."""

import os
import random
import signal
from pathlib import Path

from stages import BLUE, fits, stages_in

from reconciler.record.sqlite import SqliteStore

# In one process per state folder, forked off before each statement that it will be killed at.
AT_EVERY_STATEMENT = """
sys.path.insert(0, sys.argv[2])
from stages import STAGES

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
        for name, stage in STAGES.items():
            stage(store)
            ack(name)
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


def test_kill_at_every_statement_loses_nothing_acknowledged(tmp_path: Path, start, acked) -> None:
    process = start(AT_EVERY_STATEMENT, tmp_path, Path(__file__).parent)
    points = int(process.communicate(timeout=240)[0])
    wrong = []
    for point in range(1, points):
        path = tmp_path / str(point) / "state.db"
        store = SqliteStore(path, "dev", environ={"MLOPS_STATE_KEY": "k"})
        told = acked(path.with_suffix(".acked"))
        if not fits(store, told):
            wrong.append((point, told, stages_in(store)))
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
