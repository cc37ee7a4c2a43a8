"""Asking before something that cannot be undone."""

import sys

from reconciler.cli.saying import warn
from reconciler.errors import RefusedError


def agreed(question: str, *, flag: str) -> bool:
    """Whether whoever sits at the terminal says yes.

    Args:
        question: one sentence.
        flag: the option that spares the question, for the message where there is nobody to ask.

    Raises:
        RefusedError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise RefusedError(f"there is nobody to ask (standard input is no terminal); say {flag} if you mean it")
    try:
        # Not on standard output, which may be on its way into a file.
        warn(f"\n{question} Only `yes` is taken for a yes: ", end="")
        return sys.stdin.readline().strip() == "yes"
    except KeyboardInterrupt:
        warn("")  # what is said of it begins a line
        raise
