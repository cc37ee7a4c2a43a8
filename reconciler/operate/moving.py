"""A whole record goes out as a document, and another takes the place of what is recorded."""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.apply import utc_now
from reconciler.errors import RefusedError, StateError
from reconciler.record.store import Record, Store
from reconciler.workspace import holder


@dataclass(frozen=True)
class Exchange:
    """What is recorded, and what would take its place."""

    now: Record
    then: Record

    @property
    def replaces(self) -> bool:
        """Whether anything is lost by it."""
        return bool(self.now.state.entries or self.now.under_way)

    @property
    def of_another(self) -> bool:
        """Whether the two are of different states."""
        return self.now.state.lineage != self.then.state.lineage

    @property
    def goes_back(self) -> bool:
        """Whether the same state would be as it was before."""
        return not self.of_another and self.then.state.serial < self.now.state.serial


def take_in(
    store: Store,
    record: Record,
    confirm: Callable[[Exchange], bool] = lambda _exchange: True,
    *,
    force: bool = False,
    lock_timeout_s: float = 0,
) -> bool:
    """Put a record in the place of an empty one, or by force of one that holds something.

    Args:
        store: where to.
        record: what.
        confirm: asked before anything is replaced; False leaves everything as it is.
        force: replace what holds something.
        lock_timeout_s: how long to wait for a run to end.

    Returns:
        Whether it was wanted.

    Raises:
        RefusedError: something is recorded already.
        StateError: the secrets of the two are digests under different keys.
    """
    with store.lock(holder("mlops state import", utc_now()), timeout_s=lock_timeout_s):
        exchange = Exchange(store.dump(), record)
        _refuse_another_key(exchange)
        if exchange.replaces and not force:
            raise RefusedError(
                f"target {exchange.now.target}: {len(exchange.now.state.entries)} resources are recorded of lineage "
                f"{exchange.now.state.lineage}; --force puts the record in their place"
            )
        if exchange.replaces and not confirm(exchange):
            return False
        store.load(record)
    return True


def _refuse_another_key(exchange: Exchange) -> None:
    if exchange.now.key != exchange.then.key:
        raise StateError(
            f"target {exchange.now.target}: E-STATE-KEY: the secrets of the record are digests under another key than "
            "those of this place; bring its state.key or MLOPS_STATE_KEY here, and import into a place that is new"
        )
