"""Whether this process does what another command left to it."""

from collections.abc import Mapping

WORKER = "MLOPS_WORKER"
"""The variable that tells a command that it is the worker of another, with its words, which may hold secrets."""


def is_worker(environ: Mapping[str, str]) -> bool:
    """Whether it is set: nobody is there to ask or to answer."""
    return WORKER in environ
