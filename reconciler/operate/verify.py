"""Whether a record can be trusted: its rows, its key, its unfinished operations, and whether it is older than live."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from reconciler.core.state import Live
from reconciler.errors import StateError
from reconciler.record.store import Record, Store
from reconciler.workspace import Workspace

Answer = TypeVar("Answer")


def verified(workspace: Workspace) -> tuple[Record | None, tuple[str, ...]]:
    """The record, where it can be read, and what is wrong with it; nothing is changed."""
    store = workspace.store
    problems: list[str] = []
    record = _tried(store.dump, problems)
    if record is None:
        return None, tuple(problems)
    _tried(store.secret_key, problems)
    problems += _unfinished(record, store)
    problems += _behind(record, workspace.provider.list())
    return record, tuple(problems)


def _tried(ask: Callable[[], Answer], problems: list[str]) -> Answer | None:
    try:
        return ask()
    except StateError as error:
        problems.append(str(error))
        return None


def _unfinished(record: Record, store: Store) -> Iterator[str]:
    """What is under way, unless somebody is at it."""
    if store.holder() is None:
        for intent in record.under_way:
            yield f"{intent.address}: {intent.action} began {intent.started} and has no end; the next apply settles it"


def _behind(record: Record, live: Iterable[Live]) -> Iterator[str]:
    """Live objects of this state that the record knows less of than they tell themselves."""
    for item in live:
        if item.lineage != record.state.lineage or not item.spec:
            continue
        known = record.generations.get(item.address, 0)
        if known < item.generation:
            yield (
                f"{item.address}: the record is older than what is live: generation {known} recorded, "
                f"{item.generation} live; restore a newer record, or `mlops state rebuild` from the live objects"
            )
        elif item.address not in record.state.entries:
            yield f"{item.address}: it is live and of this state, but not recorded; the next apply settles it"
