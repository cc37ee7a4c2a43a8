"""Whether a record is whole whose root is as it was: a root tells what `mlops` wrote, and not what others did."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from reconciler.errors import MlopsError
from reconciler.load.disk.listed import facts_of, key_of
from reconciler.record.opening import state_file
from reconciler.record.sqlite import files_of
from reconciler.workspace import Workspace


def facts_of_record(workspace: Workspace) -> str:
    """The digest of what the disk says of the record's files; empty where a server has it, and sees to that."""
    target = workspace.target
    file = state_file(target.state, workspace.config.root)
    if file is None:
        return ""
    _, database, _, *journals = files_of(file.absolute(), target.name)
    return key_of("record", list(_facts_of_those((database, *journals))))


def _facts_of_those(files: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """What the disk says of files that are there; a journal goes with the write of another process."""
    for file in files:
        with suppress(FileNotFoundError):
            yield file.name, facts_of(file.stat())


def is_whole(workspace: Workspace, *, was: str, now: str) -> bool:
    """Whether all that is recorded is what its root stands for: that is looked at where its files are not as they were.

    Args:
        workspace: the target.
        was: what the disk said of the files when that was known.
        now: the same now.
    """
    if was == now:
        return True
    try:
        workspace.store.verify()
    except MlopsError:
        return False  # The stages say what is wrong.
    return True
