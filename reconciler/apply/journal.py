"""The journal of one run: an intent before every call, an end after it, each durable before the next thing happens."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action, Operation, Outcome, Step
from reconciler.core.state import Entry
from reconciler.record.stamps import random_id, utc_now
from reconciler.record.store import Intent, Store


def later(now: str, others: Iterable[str]) -> str:
    """The time, or the moment after the last of the others: what is made next is the youngest, whatever clocks say."""
    last = max(others, default="")
    if now > last:
        return now
    return (datetime.fromisoformat(last) + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")


class Journal:
    """Writes what a run does to the store; used by one thread, which holds the store's lock.

    Args:
        store: the record, locked.
        run: the id of the run that was begun.
        now: the clock.
        new_id: the ids of operations.
        seen: by address the generation below which the platform refuses, where it tells; the record may know less,
            where it is a copy or made anew and the object is gone.
        labels: by address and field, the labels from which the plan pinned references.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        *,
        now: Callable[[], str] = utc_now,
        new_id: Callable[[], str] = random_id,
        seen: Mapping[Address, int] | None = None,
        labels: Mapping[Address, Mapping[str, str]] | None = None,
    ) -> None:
        self._store, self._run, self._now, self._new_id = store, run, now, new_id
        self._seen = seen or {}
        state = store.read()
        self._lineage = state.lineage
        self._created: dict[Address, str] = {address: entry.created for address, entry in state.entries.items()}
        self._youngest = max(self._created.values(), default="")
        self._labels = {address: entry.labels for address, entry in state.entries.items()}
        self._wanted = labels or {}
        self._generations: dict[Address, int] = {}

    def together(self) -> AbstractContextManager[None]:
        """Write what a block begins and ends in one go, durable when it ends: before any call of what it begins."""
        return self._store.together()

    def intend(self, step: Step, report: Callable[[str], None]) -> Operation:
        """Write down that a step is about to be called, and return what to call it with."""
        generation = self._generations[step.address] = self._generation(step.address) + 1
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
            created = self._created.get(step.address) or later(now, [self._youngest])
            self._created[step.address], self._youngest = created, max(created, self._youngest)
            entry = Entry(step.after, operation.generation, operation.id, created, self._pinned(step, step.after))
            self._labels[step.address] = entry.labels
        self._store.finish(operation.id, step.address, entry, outcome="succeeded", message="", finished=now)

    def _generation(self, address: Address) -> int:
        """The highest so far, which nobody raises but this run, as it holds the lock."""
        if (known := self._generations.get(address)) is not None:
            return known
        return max(self._store.generation(address), self._seen.get(address, 0))

    def _pinned(self, step: Step, after: Spec) -> Mapping[str, str]:
        """The labels of what is recorded: of a reference that the step left as it was, the one that it had."""
        before, had, wanted = (
            (step.before or {}),
            self._labels.get(step.address, {}),
            self._wanted.get(step.address, {}),
        )
        found = {
            path: had if path in before and before[path] == after.get(path) else wanted for path in {*had, *wanted}
        }
        return {path: labels[path] for path, labels in sorted(found.items()) if path in labels and path in after}

    def failed(self, outcome: Outcome, operation: Operation) -> None:
        """Record that the step failed; the record of its address stays as it was."""
        self._store.abandon(operation.id, outcome="failed", message=outcome.message, finished=self._now())

    def not_begun(self, operation: Operation) -> None:
        """Record that the call was not made, and never will be."""
        message = "the run was interrupted before the call"
        self._store.abandon(operation.id, outcome="not begun", message=message, finished=self._now())
