"""The journal of one run: an intent before every call, an end after it, each durable before the next thing happens."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from reconciler.core.address import Address
from reconciler.core.plan import Action, Operation, Outcome, Step
from reconciler.core.state import Entry
from reconciler.record.store import Intent, Store


def utc_now() -> str:
    """The time, ISO 8601 in UTC to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def later(now: str, others: Iterable[str]) -> str:
    """The time, or the moment after the last of the others: what is made next is the youngest, whatever clocks say."""
    last = max(others, default="")
    if now > last:
        return now
    return (datetime.fromisoformat(last) + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")


def random_id() -> str:
    """An id that nobody else has; a digest of the content would make delete-then-create look already done."""
    return uuid.uuid4().hex


class Journal:
    """Writes what a run does to the store; used by one thread, which holds the store's lock.

    Args:
        store: the record, locked.
        run: the id of the run that was begun.
        now: the clock.
        new_id: the ids of operations.
        seen: by address the generation below which the platform refuses, where it tells; the record may know less,
            where it is a copy or made anew and the object is gone.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        *,
        now: Callable[[], str] = utc_now,
        new_id: Callable[[], str] = random_id,
        seen: Mapping[Address, int] | None = None,
    ) -> None:
        self._store, self._run, self._now, self._new_id = store, run, now, new_id
        self._seen = seen or {}
        state = store.read()
        self._lineage = state.lineage
        self._created: dict[Address, str] = {address: entry.created for address, entry in state.entries.items()}

    def intend(self, step: Step, report: Callable[[str], None]) -> Operation:
        """Write down that a step is about to be called, and return what to call it with."""
        generation = max(self._store.generation(step.address), self._seen.get(step.address, 0)) + 1
        operation = Operation(self._new_id(), self._lineage, generation, report)
        self._store.intend(
            Intent(
                operation=operation.id,
                run=self._run,
                step=step.id,
                action=str(step.action),
                address=step.address,
                before=step.before,
                after=step.after,
                generation=generation,
                started=self._now(),
            )
        )
        return operation

    def succeeded(self, step: Step, operation: Operation) -> None:
        """Record exactly what the step made true."""
        now = self._now()
        entry = None
        if step.action is Action.DELETE or step.after is None:
            self._created.pop(step.address, None)
        else:
            created = self._created.setdefault(step.address, later(now, self._created.values()))
            entry = Entry(step.after, operation.generation, operation.id, created)
        self._store.finish(operation.id, step.address, entry, outcome="succeeded", message="", finished=now)

    def failed(self, outcome: Outcome, operation: Operation) -> None:
        """Record that the step failed; the record of its address stays as it was."""
        self._store.abandon(operation.id, outcome="failed", message=outcome.message, finished=self._now())
