"""All rows of a target written anew, under another key or for another lineage."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from reconciler.record.codec import EMPTY_SET, toggled
from reconciler.record.inverse_rows import INVERSES, inverse_place
from reconciler.record.tables import JOURNAL, Ledger, Texts, entry_place, intent_place, message_place, run_place, whole


def rewritten(old: Texts, new: Texts, ledger: Ledger, *, lineage: str) -> Ledger:
    """Open every text as it was kept and keep it anew; gives the ledger of afterwards, which is not written here.

    Args:
        old: how the rows are kept now.
        new: the same database, and how they are to be kept.
        ledger: of the target as it is now.
        lineage: its lineage of afterwards.

    Raises:
        DamagedError: a row is not what was written.
    """
    rewriting = _Rewriting(old, new, ledger, replace(ledger, lineage=lineage))
    entries_sum, open_sum = rewriting.entries(), rewriting.journal()
    rewriting.runs()
    rewriting.inverses()
    return replace(rewriting.after, entries_sum=entries_sum, open_sum=open_sum)


class _Rewriting:
    def __init__(self, old: Texts, new: Texts, before: Ledger, after: Ledger) -> None:
        self._old, self._new, self._before, self.after = old, new, before, after

    def entries(self) -> str:
        total = EMPTY_SET
        for row in self._rows("SELECT * FROM entries WHERE target = ?"):
            target, address, spec, *rest = whole(self._old, row, "an entry")
            values = (target, address, self._anew(spec, entry_place(target, address)), *rest)
            digest = self._new.digest(values)
            total = toggled(total, digest)
            self._new.execute(
                "UPDATE entries SET spec = ?, digest = ? WHERE target = ? AND address = ?",
                (values[2], digest, target, address),
            )
        return total

    def journal(self) -> str:
        total = EMPTY_SET
        for row in self._rows(f"{JOURNAL} WHERE target = ?"):
            *key, body, outcome, message, finished = whole(self._old, row, f"operation {row[0]}")
            body = self._anew(body, intent_place(key[0]))
            message = self._anew(message, message_place(key[0])) if finished else message
            digest = self._new.digest((*key, body, outcome, message, finished))
            total = total if finished else toggled(total, digest)
            self._new.execute(
                "UPDATE journal SET body = ?, message = ?, digest = ? WHERE operation = ?",
                (body, message, digest, key[0]),
            )
        return total

    def runs(self) -> None:
        for row in self._rows("SELECT id, target, body, digest FROM runs WHERE target = ?"):
            run_id, target, body = whole(self._old, row, "a run")
            body = self._anew(body, run_place(run_id))
            digest = self._new.digest((run_id, target, body))
            self._new.execute("UPDATE runs SET body = ?, digest = ? WHERE id = ?", (body, digest, run_id))

    def inverses(self) -> None:
        for row in self._rows(f"{INVERSES} WHERE target = ?"):
            run_id, target, body = whole(self._old, row, f"the inverse of run {row[0]}")
            body = self._anew(body, inverse_place(run_id))
            digest = self._new.digest((run_id, target, body))
            self._new.execute("UPDATE inverses SET body = ?, digest = ? WHERE run = ?", (body, digest, run_id))

    def _rows(self, query: str) -> Sequence[Sequence[Any]]:
        return self._old.execute(query, (self._before.target,)).fetchall()

    def _anew(self, text: str, place: str) -> str:
        return self._new.written(self._old.read(text, self._before, place), self.after, place)
