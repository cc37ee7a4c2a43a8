"""The parts of a plan are told by processes that do what the command does, and then say more than it."""

import json
from pathlib import Path

from applied import applied
from measuring import Bench, python
from parts import LOADED, PROFILED, known_at_a_glance, last_line


def test_a_plan_says_what_it_loaded_and_what_it_called(tmp_path: Path):
    bench = Bench(tmp_path)
    folder = applied(bench, "applied", 13)
    names = last_line(bench, LOADED, folder)
    assert {"reconciler.cli.main", "reconciler.planning", "sqlite3"} <= set(json.loads(names))
    spent = json.loads(last_line(bench, PROFILED, folder, names))
    assert spent.keys() == {"git", "SQLite", "system"}
    assert spent["SQLite"] > 0
    assert spent["system"] > 0
    names = known_at_a_glance(bench, folder)
    assert {"reconciler.cli.main", "reconciler.remembering.glance"} <= set(json.loads(names))
    anyway = bench.run(python("import sys; print(*sys.modules)", folder))[1].split()
    assert not {"json", "re", "typing"} & set(json.loads(names)) - set(anyway)
    assert json.loads(last_line(bench, PROFILED, folder, names))["system"] > 0
