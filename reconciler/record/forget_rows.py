"""Runs that are forgotten, in rows."""

from collections.abc import Collection

from reconciler.record.forgetting import without_runs
from reconciler.record.tables import Ledger, Texts, end_intent, put_intent
from reconciler.record.whole import whole


def forget_runs(rows: Texts, ledger: Ledger, run_ids: Collection[str]) -> Ledger:
    """Remove runs, their operations and inverses; gives the ledger, which none of that changes."""
    record = whole(rows, ledger)
    bare = [item for item in without_runs(record, run_ids) if not item.intent.run]
    for run_id in run_ids:
        rows.execute("DELETE FROM journal WHERE target = ? AND run = ?", (ledger.target, run_id))
        rows.execute("DELETE FROM inverses WHERE target = ? AND run = ?", (ledger.target, run_id))
        rows.execute("DELETE FROM runs WHERE target = ? AND id = ?", (ledger.target, run_id))
    known = {item.intent.operation for item in record.operations if not item.intent.run}
    for item in bare:
        if item.intent.operation not in known:
            begun = put_intent(rows, ledger, item.intent) or ledger
            end_intent(rows, begun, item.intent.operation, (item.outcome, item.message, item.finished))
    return ledger
