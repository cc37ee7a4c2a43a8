"""What is left of operations once their runs are forgotten: of each address, its highest generation."""

from collections.abc import Collection

from reconciler.core.address import Address
from reconciler.errors import StateError
from reconciler.record.store import Journalled, Record


def without_runs(record: Record, run_ids: Collection[str]) -> tuple[Journalled, ...]:
    """The operations of a record without those of some runs, in order.

    An operation that alone tells the highest generation of its address stays, bare: calls from before are refused by
    that number, also where the object is gone.

    Raises:
        StateError: one of the runs has an operation under way.
    """
    for intent in record.under_way:
        if intent.run in run_ids:
            raise StateError(f"run {intent.run} cannot be forgotten: {intent.action} {intent.address} has no end")
    kept = {address: entry.generation for address, entry in record.state.entries.items()}
    for item in record.operations:
        if item.intent.run not in run_ids:
            kept[item.intent.address] = max(item.intent.generation, kept.get(item.intent.address, 0))
    highest: dict[Address, Journalled] = {}
    for item in record.operations:
        address, generation = item.intent.address, item.intent.generation
        if item.intent.run in run_ids and generation > kept.get(address, 0):
            highest[address] = item
            kept[address] = generation
    staying = {item.intent.operation for item in highest.values()}
    return tuple(
        item if item.intent.run not in run_ids else item.bare
        for item in record.operations
        if item.intent.run not in run_ids or item.intent.operation in staying
    )
