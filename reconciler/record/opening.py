"""Which store a location means."""

from pathlib import Path

from reconciler.errors import StateError
from reconciler.record.memory import MemoryStore
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Store

DEFAULT_LOCATION = ".mlops/state.db"


def open_store(location: str, *, root: Path, target: str) -> Store:
    """Open the record of a target; a relative path counts from `root`.

    Raises:
        StateError: no store is built for such a location, or what is there cannot be used.
    """
    scheme, colon, rest = location.partition(":")
    if location == "memory:":
        return MemoryStore(target)
    if not colon or scheme == "sqlite" or len(scheme) == 1:
        # A single letter is the drive of a path; SQLAlchemy's form has slashes before the path.
        path = rest if scheme == "sqlite" else location
        return SqliteStore(root / _one_slash(path or DEFAULT_LOCATION), target)
    if scheme in ("postgresql", "postgres"):
        from reconciler.record.postgres import PostgresStore  # noqa: PLC0415 - 60 ms, which no other store needs

        return PostgresStore(location, target, (root / DEFAULT_LOCATION).with_suffix(".key"))
    raise StateError(
        f"target {target}: no store is known for `state: {scheme}:…`; "
        "use a path, sqlite:PATH, postgresql://… or memory:"
    )


def _one_slash(path: str) -> str:
    return "/" + path.lstrip("/") if path.startswith("//") else path
