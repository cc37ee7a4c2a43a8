"""What a run has begun and not ended."""

from collections.abc import Mapping

from reconciler.record.store import Intent, Store


def unfinished(store: Store) -> tuple[tuple[Intent, ...], Mapping[str, str | int] | None]:
    """The intents without an end, and who is at work on the target at the moment, if anybody is.

    Where nobody is, these were open when nobody held the lock, so that their runs were cut off.
    """
    before, holder = store.unfinished(), store.holder()
    if not before or holder is not None:
        return before, holder
    return tuple(intent for intent in store.unfinished() if intent in before), None
