"""Copies of the database file: from before each of the last runs that wrote, and from before each new schema."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from reconciler.record.files import lay_down

KEPT = 10
"""Runs of which a copy is kept."""


def back_up(connection: Connection, path: Path, connect: Callable[[Path], Connection]) -> None:
    """Keep a whole copy under the next number, and of the older ones the newest."""
    numbers = sorted(_numbered(path))
    _copy(connection, _numbered_name(path, numbers[-1] + 1 if numbers else 1), connect)
    for number in numbers[: 1 - KEPT]:
        _numbered_name(path, number).unlink(missing_ok=True)


def back_up_schema(connection: Connection, path: Path, version: int, connect: Callable[[Path], Connection]) -> None:
    """Keep a whole copy from before an upgrade of the schema; the first one, should the upgrade begin anew."""
    _copy(connection, path.with_name(f"{path.name}.backup-schema-{version}"), connect)


def newest_backup(path: Path) -> Path | None:
    """The copy from before the last run that wrote."""
    return next(iter(backups(path)[::-1]), None)


def advice_to_restore(path: Path) -> str:
    """What to do about a file that cannot be trusted, in words."""
    newest = newest_backup(path)
    return f"restore the backup {newest.name} beside it" if newest else "restore it from a backup"


def backups(path: Path) -> list[Path]:
    """The copies from before the last runs that wrote, the newest last."""
    return [_numbered_name(path, number) for number in sorted(_numbered(path))]


def _copy(connection: Connection, path: Path, connect: Callable[[Path], Connection]) -> None:
    def fill(temporary: Path) -> None:
        with closing(connect(temporary)) as copy:
            connection.backup(copy)

    lay_down(path, fill)


def _numbered(path: Path) -> set[int]:
    # Numbers, as times go back when a clock does.
    name = re.compile(rf"{re.escape(path.name)}\.backup-(\d+)")
    try:
        return {int(found[1]) for file in path.parent.iterdir() if (found := name.fullmatch(file.name))}
    except FileNotFoundError:
        return set()


def _numbered_name(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.backup-{number}")
