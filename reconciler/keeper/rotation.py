"""Which logs of the kept processes are rotated, and how."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from reconciler.keeper.logs import rotate
from reconciler.keeper.rows import is_instance
from reconciler.keeper.values import Process


def rotate_logs(processes: Iterable[Process], tell: Callable[[str, int], None]) -> None:
    """Begin the logs anew that outgrew their limits; one that cannot be is tried again later.

    `tell` sends a process a signal. The own logs of instances go into the console log, and are cut as they are read.
    """
    for process in processes:
        reopen = partial(tell, process.name, process.reopen_signal) if process.reopen_signal else None
        for path in process.other_logs:
            with suppress(OSError):
                rotate(Path(path), max_bytes=process.log_max_bytes, files=process.log_files, reopen=reopen)
        if not is_instance(process.name):
            with suppress(OSError):
                rotate(Path(process.log), max_bytes=process.log_max_bytes, files=process.log_files)
