"""The end of what a target runs on this machine, so that nothing outlives a test."""

from contextlib import suppress
from pathlib import Path

import psutil

from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes whose command line names something in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def has_ended(process: psutil.Process) -> bool:
    """Whether a process has ended, also where whoever started it has not taken note of that."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two looks
        return True


def end_all(folder: Path, *layouts: Layout) -> None:
    """End whatever the targets of a repository run; what does not obey is killed."""
    try:
        for layout in layouts:
            Processes(layout).shutdown()
    finally:
        left = processes_of(folder)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=5)
        for layout in layouts:
            layout.clear_sockets()
