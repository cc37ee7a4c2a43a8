"""`python -m reconciler.keeper FOLDER --socket PATH`: become the keeper of a folder, unless there is one."""

import argparse
import contextlib
import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path

from reconciler.keeper.resident import IDLE_S, Resident
from reconciler.keeper.say import say
from reconciler.keeper.values import LOCK


def main() -> int:
    """Parse the command line and keep."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.keeper", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--socket", type=Path, required=True, help="where clients ask; at most 104 bytes")
    parser.add_argument("--detach", action="store_true", help="return once the keeper answers")
    parser.add_argument("--idle", type=float, default=IDLE_S, help="seconds after which a keeper of nothing ends")
    options = parser.parse_args()
    options.folder, options.socket = options.folder.absolute(), options.socket.absolute()
    if options.detach:
        return _detached(lambda ready: _keep(options, ready))
    return _keep(options, lambda: None)


def _keep(options: argparse.Namespace, ready: Callable[[], None]) -> int:
    """Keep, if nobody else does: there is one keeper a folder, by a lock that a dead one cannot hold."""
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(options.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        ready()
        return 0
    _sign(lock)
    os.chdir(options.folder)
    resident = Resident(options.folder, options.socket, lock=lock, idle_s=options.idle)
    resident.adopt()
    ready()
    say(f"keeping {options.folder}, pid {os.getpid()}")
    resident.run()
    say("ended")
    return 0


def _sign(lock: int) -> None:
    """Leave the keeper's pid in its lock, for whoever gets no answer; a full disk is no reason not to keep."""
    with contextlib.suppress(OSError):
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())


def _detached(keep: Callable[[Callable[[], None]], int]) -> int:
    """Keep in a process that belongs to no terminal and to no parent; return when it is ready, or failed."""
    waiting, told = os.pipe()
    if os.fork():
        os.close(told)
        return 0 if os.read(waiting, 1) else 1
    os.close(waiting)
    os.setsid()
    os.chdir("/")
    return keep(lambda: _tell(told))


def _tell(descriptor: int) -> None:
    os.write(descriptor, b".")
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
