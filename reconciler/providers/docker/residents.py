"""Modules of ours that the target's keeper keeps running beside its instances."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import reconciler
from reconciler.keeper.values import Process
from reconciler.providers.hosting.attending import PASSED_ON
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes

# By which an engine is found. DOCKER_AUTH_CONFIG is left out: nothing is pulled, and it is a secret.
_OF_ENGINES = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS", "DOCKER_TLS_VERIFY"),
    "XDG_RUNTIME_DIR",
)


def keep_running(processes: Processes, resident: Process) -> None:
    """Have the keeper keep a resident up; one that runs by the same words stays. It ends with the target.

    Raises:
        ProviderError: the keeper does not answer.
    """
    processes.start(resident)
    processes.settle([resident.name])


def resident(
    name: str, module: str, words: Sequence[str], layout: Layout, *, outer: Mapping[str, str] = os.environ
) -> Process:
    """Return what the keeper keeps up. It runs from where this package is, so that it is the same one.

    Args:
        name: by which the keeper knows it.
        module: what runs, as `python -m` takes it; its first word is the target's folder.
        words: the other ones of its command line.
        outer: the operator's environment.
    """
    names = (*PASSED_ON, *_OF_ENGINES, "PATH")
    return Process(
        name,
        (sys.executable, "-m", module, str(layout.folder), *words),
        {each: outer[each] for each in names if each in outer},
        cwd=str(Path(reconciler.__file__).parent.parent),
        log=str(layout.resident_log(name)),
        log_max_bytes=1_000_000,
    )


def revive(processes: Processes) -> None:
    """Start the keeper, and so what it kept, where it should be and is not, as after a restart of the machine.

    The engine has instances run again by itself, so that nothing else may be to do.

    Raises:
        ProviderError: it does not start.
    """
    if processes.seen() is None:
        processes.list()
