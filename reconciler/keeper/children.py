"""Processes as the operating system has them: starting, telling one from another, watching, ending."""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from reconciler.keeper.values import Exit, Process

_HANDLED = (signal.SIGTERM, signal.SIGINT)
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# In the environment of a process that was started with a mark, and so of all that it starts.
_MARK = "MLOPS_KEPT_AS"
# What is marked may start more while it is looked for.
_ROUNDS = 3


def spawn(process: Process, mark: str = "") -> tuple[int, int]:
    """Fork a child that waits at a gate, and return its pid and the gate.

    The child becomes the process when `release` opens the gate, and ends if the gate is closed, as by the keeper's
    death. So nothing runs that was not written down before.

    Args:
        process: what the child becomes.
        mark: for `kill_marked`; without it the environment is exactly that of the process.
    """
    gate, opener = os.pipe()
    # A signal that met the child while it still has the keeper's handlers would be taken for one to the keeper.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        pid = os.fork()
        if pid == 0:
            _become(process, mark, gate, opener)
    except OSError:
        os.close(opener)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        os.close(gate)
    return pid, opener


def release(opener: int) -> None:
    """Let the child at this gate become its process; one that could not come so far has ended, as any process may."""
    with contextlib.suppress(BrokenPipeError), os.fdopen(opener, "wb", buffering=0) as file:
        file.write(b".")


def discard(pid: int, opener: int) -> None:
    """Have the child at this gate end without ever becoming its process."""
    os.close(opener)
    os.waitpid(pid, 0)


def _become(process: Process, mark: str, gate: int, opener: int) -> NoReturn:
    try:
        os.close(opener)
        _own_session()
        _own_files(process.log)
        os.chdir(process.cwd)
        if os.read(gate, 1):
            env = marked(process.env, mark) if mark else process.env
            os.execvpe(process.argv[0], process.argv, env)  # noqa: S606 - there is no shell to want
    except BaseException as error:  # noqa: BLE001 - the fork must end here, whatever happened
        os.write(2, f"cannot start {process.argv[0]}: {error}\n".encode())
    os._exit(127)


def _own_session() -> None:
    """Leave the keeper's session, and have the signals as a process expects them."""
    signal.set_wakeup_fd(-1)
    for number in (*_HANDLED, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
    os.setsid()


def _own_files(log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def born(pid: int) -> str:
    """Return what tells a living process from a later one of the same pid; empty if it is dead.

    Linux counts from the start of the machine, which no change of the clock moves.
    """
    if not sys.platform.startswith("linux"):
        return _born_elsewhere(pid)
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else f"{_BOOT.read_text().strip()}/{rest[18]}"


def _born_elsewhere(pid: int) -> str:
    import psutil  # noqa: PLC0415 - 3 MB that only other systems than Linux need

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return ""


def watch(pid: int) -> int | None:
    """Return a file that becomes readable when the process ends, be it ours or an orphan; None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def tell(pid: int, number: int) -> None:
    """Send a signal to a process alone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_group(pid: int) -> None:
    """Kill a process and what it started, such as the workers that a dead master leaves behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def marked(env: Mapping[str, str], mark: str) -> dict[str, str]:
    """The environment of a process that is to be found by its mark, with all that it starts."""
    return {**env, _MARK: mark}


def kill_marked(mark: str) -> None:
    """Kill what a dead process left in sessions of their own: no group leads there, but the environment tells it.

    Where the system does not show the environment of processes, or one has wiped its own, it is not found.
    """
    for _ in range(_ROUNDS):
        found = [pid for pid in _pids() if f"{_MARK}={mark}".encode() in _environment(pid)]
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _pids() -> list[int]:
    proc = Path("/proc")
    return [int(each.name) for each in proc.iterdir() if each.name.isdigit()] if proc.exists() else []


def _environment(pid: int) -> list[bytes]:
    """The variables that a process of ours was started with; none of what is gone or another's, or a zombie."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def reap(pid: int) -> Exit:
    """Return how a dead process ended; that of an orphan is nobody's to know."""
    try:
        _, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return Exit()
    code = os.waitstatus_to_exitcode(status)
    return Exit(signal=-code) if code < 0 else Exit(code=code)
