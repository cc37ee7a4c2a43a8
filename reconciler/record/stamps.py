"""The times and the ids of what is written down."""

from datetime import UTC, datetime


def utc_now() -> str:
    """The time, ISO 8601 in UTC to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def random_id() -> str:
    """An id that nobody else has; a digest of the content would make delete-then-create look already done."""
    import uuid  # noqa: PLC0415 - only a run that changes something needs one

    return uuid.uuid4().hex
