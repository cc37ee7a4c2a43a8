"""Ports of this machine for instances to be published at."""

import random
import socket
from collections.abc import Iterable

from reconciler.errors import ProviderError
from reconciler.providers.docker.containers import LOOPBACK

# Below the ports that systems hand out by themselves: while an instance is started again, no connection takes its own.
FIRST, LAST = 20_000, 29_999
_TRIES = 1000


def free_ports(count: int, taken: Iterable[int] = ()) -> tuple[int, ...]:
    """So many ports of the loopback that nobody listens on.

    Args:
        count: how many.
        taken: ports that belong to somebody who may not listen on them at the moment.

    Raises:
        ProviderError: there are no more.
    """
    passed, found = set(taken), list[int]()
    for _ in range(_TRIES):
        if len(found) == count:
            return tuple(found)
        port = random.randint(FIRST, LAST)  # noqa: S311 - no secret
        if port not in passed and _is_free(port):
            found.append(port)
        passed.add(port)
    raise ProviderError(f"no port of {LOOPBACK} from {FIRST} to {LAST} is free; end what listens there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
