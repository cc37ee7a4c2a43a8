"""Whether a record can be trusted: its rows, its key, its unfinished operations, and whether it is older than live."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from reconciler.core.state import Live
from reconciler.diff import newer
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
    for each in newer(record.state, live, lambda address: record.generations.get(address, 0)):
        yield (
            f"{each.address}: E-OLD-RECORD: the record is older than what is live: generation {each.known} recorded, "
            f"{each.live} live; restore a newer record, or `mlops state rebuild` from the live objects"
        )
