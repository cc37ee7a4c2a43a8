"""The end of what a repository's local target runs."""

import psutil
from command_line import Repository, processes_of

from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes


def end(repository: Repository) -> None:
    """End whatever a local target runs; what does not obey is killed."""
    layout = layout_of(repository)
    try:
        Processes(layout).shutdown()
    finally:
        left = processes_of(repository.folder)
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=5)
        layout.clear_sockets()


def layout_of(repository: Repository) -> Layout:
    return Layout(repository.folder / ".mlops" / "local" / "dev")
