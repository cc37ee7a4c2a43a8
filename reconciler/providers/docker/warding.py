"""Has the target's keeper keep a warden up."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import reconciler
from reconciler.keeper.values import Process
from reconciler.providers.docker.options import DockerOptions
from reconciler.providers.hosting.attending import PASSED_ON
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes

NAME = "warden"
# By which an engine is found. DOCKER_AUTH_CONFIG is left out: nothing is pulled, and it is a secret.
OF_ENGINES = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS", "DOCKER_TLS_VERIFY"),
    "XDG_RUNTIME_DIR",
)


def see_to_warden(
    processes: Processes, layout: Layout, options: DockerOptions, *, outer: Mapping[str, str] = os.environ
) -> None:
    """Have a warden look after a target's instances; one that does so by the same options stays.

    It ends with the target, whose keeper ends all that it keeps.

    Args:
        outer: the operator's environment.

    Raises:
        ProviderError: the keeper does not answer.
    """
    processes.start(process(layout, options, outer))
    processes.settle([NAME])


def process(layout: Layout, options: DockerOptions, outer: Mapping[str, str]) -> Process:
    """Return what the keeper keeps up. It runs from where this package is, so that it is the same one."""
    names = (*PASSED_ON, *OF_ENGINES, "PATH")
    words = [str(layout.folder), "--project", options.project, *(["--host", options.host] if options.host else [])]
    return Process(
        NAME,
        (sys.executable, "-m", "reconciler.providers.docker.warden", *words),
        {name: outer[name] for name in names if name in outer},
        cwd=str(Path(reconciler.__file__).parent.parent),
        log=str(layout.warden_log),
        log_max_bytes=1_000_000,
    )


def revive_warden(processes: Processes) -> None:
    """Start the keeper, and so what it kept, where it should be and is not, as after a restart of the machine.

    The engine has instances run again by itself, so that nothing else may be to do.

    Raises:
        ProviderError: it does not start.
    """
    if processes.seen() is None:
        processes.list()
