"""Bad inputs that need a record, a repository or a target: each is told in these words, and nothing is touched."""

import sqlite3

from command_line import Repository


def test_b59_a_newer_state_is_refused_by_plan_and_apply_and_not_touched(applied: Repository):
    with sqlite3.connect(applied.folder / ".mlops/state.db") as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    before = (applied.folder / ".mlops/state.db").read_bytes()
    for words in (["plan"], ["apply", "--auto-approve"]):
        said = applied.mlops(*words, code=1).err
        assert "state.db: E-STATE-NEWER: state schema 9, this tool knows 1; upgrade mlops" in said
    assert (applied.folder / ".mlops/state.db").read_bytes() == before
