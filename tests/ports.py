"""Ports for the servers of tests, from another range for each process that runs tests."""

import itertools
import os
import random
import socket

# Below the ports that the system hands out by itself, so that no connection has one of them.
_FIRST, _PER_WORKER, _WORKERS = 10_000, 1000, 22

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_ours = range(_FIRST + _worker * _PER_WORKER, _FIRST + (_worker + 1) * _PER_WORKER)
_next = itertools.cycle(random.SystemRandom().sample(_ours, len(_ours)))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that no other test is given.

    A port that the system chose, and that is free again, may be chosen for another process as well; two proxies then
    share it without an error, for they listen so that a port can be handed over.
    """
    for port in itertools.islice(_next, _PER_WORKER):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")
