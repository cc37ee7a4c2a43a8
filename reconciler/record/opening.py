"""Which store a location means."""

from pathlib import Path

from reconciler.errors import RefusedError, StateError
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Record, Store

DEFAULT_LOCATION = ".mlops/state.db"
POSTGRES = ("postgresql", "postgres")


def open_store(location: str, *, root: Path, target: str) -> Store:
    """Open the record of a target; a relative path counts from `root`.

    Raises:
        StateError: no store is built for such a location, or what is there cannot be used.
    """
    scheme = location.partition(":")[0]
    if location == "memory:":
        from reconciler.record.memory import MemoryStore  # noqa: PLC0415 - most records outlive a process

        return MemoryStore(target)
    if file := state_file(location, root):
        return SqliteStore(file, target)
    if scheme in POSTGRES:
        from reconciler.record.postgres import PostgresStore  # noqa: PLC0415 - 60 ms, which no other store needs

        return PostgresStore(location, target, (root / DEFAULT_LOCATION).with_suffix(".key"))
    raise StateError(
        f"target {target}: no store is known for `state: {scheme}:…`; "
        "use a path, sqlite:PATH, postgresql://… or memory:"
    )


def open_offline(location: str, *, root: Path, target: str) -> Store:
    """Open the record of a target without reaching out; where there is no file, an empty one that nothing outlives.

    Raises:
        RefusedError: the record is elsewhere.
        StateError: what is there cannot be used.
    """
    refuse_elsewhere(location, root=root, target=target)
    file = state_file(location, root)
    if file and not file.resolve().is_relative_to(root.resolve()):
        raise RefusedError(
            f"target {target}: its record is at {location}, outside the repository, and offline nothing there is read; "
            "plan a target whose record is inside, or `mlops plan --against REV`, which reads none"
        )
    if file and file.is_file():
        return SqliteStore(file, target)
    from reconciler.record.memory import Memory, MemoryStore  # noqa: PLC0415 - as above

    return MemoryStore(target, Memory(lineage=lambda: ""))


def refuse_elsewhere(location: str, *, root: Path, target: str) -> None:
    """Open no connection for a record.

    Raises:
        RefusedError: the record is no file of this machine.
    """
    if state_file(location, root) is None and location != "memory:":
        scheme = location.partition(":")[0]
        raise RefusedError(
            f"target {target}: its record is at {scheme}:…, and offline no connection is opened; plan a target whose "
            "record is a file, or do without one: `mlops plan --against REV`, `mlops validate`"
        )


def state_file(location: str, root: Path) -> Path | None:
    """The file that a location means, if it means one."""
    scheme, colon, rest = location.partition(":")
    if location == "memory:" or (colon and scheme != "sqlite" and len(scheme) > 1):
        return None
    # A single letter is the drive of a path; SQLAlchemy's form has slashes before the path.
    return root / _one_slash((rest if scheme == "sqlite" else location) or DEFAULT_LOCATION)


def kept_copy(location: str, *, root: Path, target: str, number: int) -> Record:
    """What was recorded before one of the last runs that wrote; 1 is the newest. The record itself may be damaged.

    Raises:
        StateError: there is no such copy.
    """
    if location.partition(":")[0] in POSTGRES:
        from reconciler.record.postgres_copies import server_copy  # noqa: PLC0415 - as above

        return server_copy(location, target, number)
    path = state_file(location, root)
    if path is None:
        raise StateError(f"target {target}: its record has no copies")
    from reconciler.record.backups import backups  # noqa: PLC0415 - only for a copy

    copies = backups(path)
    if number > len(copies):
        raise StateError(f"{path}: there is no copy {number} of it; {len(copies)} are kept")
    return _record_in(copies[-number], target)


def _record_in(file: Path, target: str) -> Record:
    """What a file holds, which stays as it is: a copy of it is opened."""
    import shutil  # noqa: PLC0415 - only for a copy
    import tempfile  # noqa: PLC0415 - only for a copy

    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder, file.name)
        shutil.copyfile(file, copied)
        store = SqliteStore(copied, target)
        try:
            return store.dump()
        finally:
            store.close()


def _one_slash(path: str) -> str:
    return "/" + path.lstrip("/") if path.startswith("//") else path
