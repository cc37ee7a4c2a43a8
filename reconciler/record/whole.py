"""A whole record read from the tables, and put into them."""

import sys
from dataclasses import replace

from reconciler.core.state import State
from reconciler.errors import StateError
from reconciler.record import tables
from reconciler.record.codec import EMPTY_SET
from reconciler.record.inverse_rows import find_inverse, put_inverse
from reconciler.record.store import Journalled, Record, Run
from reconciler.record.tables import Ledger, Texts


def whole(rows: Texts, ledger: Ledger, *, history: bool = True) -> Record:
    """Everything of a target; without history only what the next run needs."""
    read = tables.all_operations if history else tables.last_operations
    # Counted, so that one which vanished is missed.
    tables.open_intents(rows, ledger)
    runs = tables.find_runs(rows, ledger, limit=sys.maxsize if history else 1)[::-1]
    inverses = {run.id: inverse for run in runs if (inverse := find_inverse(rows, ledger, run.id)) is not None}
    return Record(
        target=ledger.target,
        state=State(ledger.lineage, ledger.serial, tables.all_entries(rows, ledger)),
        key=tables.meta(rows, "key"),
        operations=read(rows, ledger),
        runs=runs,
        inverses=inverses,
    )


def put_whole(rows: Texts, ledger: Ledger, record: Record) -> Ledger:
    """Put a record in the place of what a target has; gives the ledger of afterwards.

    The serial never goes back where something was recorded before, so that no plan of then fits.

    Raises:
        StateError: another target of the same place has some of it.
    """
    tables.clear(rows, ledger.target)
    state = record.state
    serial = max(state.serial, ledger.serial + 1) if ledger.serial else state.serial
    nothing = replace(ledger, lineage=state.lineage, entries=0, entries_sum=EMPTY_SET, open=0, open_sum=EMPTY_SET)
    # Each entry that is put raises the serial by one, and texts are bound to it.
    after = replace(nothing, serial=serial - len(state.entries))
    for address, entry in state.entries.items():
        after = tables.put_entry(rows, after, address, entry)
    for item in record.operations:
        after = _put_operation(rows, after, item)
    for run in record.runs:
        _put_run(rows, after, replace(run, target=ledger.target))
    for run_id, inverse in record.inverses.items():
        put_inverse(rows, after, run_id, inverse)
    return replace(after, serial=serial)


def _put_operation(rows: Texts, ledger: Ledger, item: Journalled) -> Ledger:
    begun = tables.put_intent(rows, ledger, item.intent)
    if begun is None:
        raise _kept_elsewhere(f"operation {item.intent.operation}")
    if not item.finished:
        return begun
    ended = tables.end_intent(rows, begun, item.intent.operation, (item.outcome, item.message, item.finished))
    return ended or begun


def _put_run(rows: Texts, ledger: Ledger, run: Run) -> None:
    if tables.is_run(rows, run.id):
        raise _kept_elsewhere(f"run {run.id}")
    tables.put_run(rows, ledger, run)


def _kept_elsewhere(what: str) -> StateError:
    return StateError(f"{what} is of another target that is kept in the same place; import into another place")
