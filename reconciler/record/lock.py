"""The run lock: one run at a time for a target, fair, and freed by the kernel when its holder is killed."""

import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.core.holder import command_of, holder_text, unlocking
from reconciler.errors import LockHeldError, RefusedError, StateError
from reconciler.record.files import beside

POLL_S = 0.02

# Outlives a look at who holds the lock, which itself has it, shared, for microseconds.
_LOOK_S = 0.1
# Whoever looks may be kept from going on at just that moment: by a machine that is busy, or by Ctrl-Z.
_HELD_UP_S = 10.0

if sys.platform == "win32":
    import msvcrt

    def take_lock(descriptor: int) -> None:
        """Take the lock of a file that is open.

        Raises:
            OSError: another process or descriptor has it.
        """
        # A byte far behind the facts, which stay readable for those who wait.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _share = take_lock
else:
    import fcntl

    def take_lock(descriptor: int) -> None:
        """Take the lock of a file or folder that is open.

        Raises:
            OSError: another process or descriptor has it.
        """
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _share(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextmanager
def file_lock(
    path: Path,
    target: str,
    holder: Mapping[str, str | int],
    *,
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[], bool]]:
    """Hold the lock on a file, with the holder's facts in it; gives what tells whether it was broken meanwhile.

    The file stays when the lock is let go: removing it would let two runs lock two files of one name. The
    descriptor is not inherited, so that a process started meanwhile does not keep the lock.

    Raises:
        LockHeldError: another run holds it for longer than `timeout_s`.
        StateError: the file cannot be opened.
    """
    file = LockFile(path)
    try:
        if not (
            wait_until_taken(file.take, max(timeout_s, _LOOK_S), sleep=sleep, now=now)
            or _looks_waited_out(file, path, sleep=sleep, now=now)
        ):
            raise held_by(target, _facts(path))
        file.write(json.dumps(dict(holder)) + "\n")
        try:
            yield file.is_in_place
        finally:
            with suppress(OSError):
                os.ftruncate(file.descriptor, 0)
    finally:
        os.close(file.descriptor)


def break_file_lock(path: Path, target: str, lock_id: str) -> Mapping[str, str | int]:
    """Put a fresh file in place of the one that is locked, and give the facts of its holder.

    The kernel keeps a lock for as long as its process lives, stopped or hung; so others lock another file. Whoever
    calls this sees to it that two do not at once, and that the holder writes no more.

    Raises:
        RefusedError: nobody holds the lock, or it is another one.
        StateError: the file cannot be replaced.
    """
    found = file_holder(path)
    refuse_unless_held(target, lock_id, found)
    fresh = beside(path)
    try:
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StateError(f"{path}: the run lock cannot be replaced: {error.strerror}; end its holder") from error
    return found or {}


def file_holder(path: Path) -> Mapping[str, str | int] | None:
    """The facts of whoever holds the lock on a file; None when nobody does.

    Raises:
        StateError: the file cannot be opened.
    """
    try:
        # Windows locks only what is open for writing.
        descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unopened(path, error) from error
    try:
        return None if _taken(path, descriptor, _share) else _facts(path)
    finally:
        os.close(descriptor)


def wait_until_taken(
    take: Callable[[], bool], timeout_s: float, *, sleep: Callable[[float], None], now: Callable[[], float]
) -> bool:
    """Try until the deadline, at least once."""
    deadline = now() + timeout_s
    while not take():
        remaining = deadline - now()
        if remaining <= 0:
            return False
        sleep(min(POLL_S, remaining))
    return True


def _looks_waited_out(
    file: "LockFile", path: Path, *, sleep: Callable[[float], None], now: Callable[[], float]
) -> bool:
    """Try on for as long as no run has the lock, but somebody who looks at it; nobody is told of them as a holder."""
    deadline = now() + _HELD_UP_S
    while file_holder(path) is None and now() < deadline:
        if wait_until_taken(file.take, POLL_S, sleep=sleep, now=now):
            return True
    return False


def held_by(target: str, holder: Mapping[str, str | int]) -> LockHeldError:
    """The error that names the holder as far as it is known."""
    advice = "wait with --lock-timeout or end that process"
    if not holder:
        return LockHeldError(f"target {target} is locked by another run; {advice}")
    if lock_id := holder.get("id"):
        advice = f"wait with --lock-timeout, end that process, or break its lock: `{unlocking(target, lock_id)}`"
    return LockHeldError(f"target {target} is locked by {holder_text(holder)}; {advice}", command=command_of(holder))


def refuse_unless_held(target: str, lock_id: str, holder: Mapping[str, str | int] | None) -> None:
    """Refuse to break any lock but the one that a user has seen.

    Raises:
        RefusedError: nobody holds a lock, or it has another id.
    """
    if holder is None:
        raise RefusedError(f"target {target} is not locked; there is nothing to break")
    if holder.get("id") != lock_id:
        now = f"the lock is {holder['id']}" if "id" in holder else "its lock tells no id, so end its holder"
        raise RefusedError(f"target {target}: lock {lock_id} is not held; {now}, of {holder_text(holder)}")


def lost(target: str) -> StateError:
    """What a run is told that wants to write and no longer holds the lock."""
    return StateError(
        f"target {target}: the lock of this run was broken or taken over, or lost with its connection, "
        "so it writes nothing more; "
        "the next apply settles what was under way"
    )


class LockFile:
    """The file of a name, opened again when another was put in its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = _opened(path)

    def take(self) -> bool:
        """Lock it; False while another run has it, or when it is no longer the one of its name."""
        if not self.is_in_place():
            os.close(self.descriptor)
            self.descriptor = _opened(self._path)
        return _taken(self._path, self.descriptor) and self.is_in_place()

    def write(self, text: str) -> None:
        """Have it hold this text alone."""
        # Written before it is cut: a waiting run that reads meanwhile finds a whole first line.
        data = text.encode()
        try:
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            os.write(self.descriptor, data)
            os.ftruncate(self.descriptor, len(data))
        except OSError as error:
            raise StateError(f"{self._path}: the run lock cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Let it go."""
        os.close(self.descriptor)

    def is_in_place(self) -> bool:
        """Whether the open file is the one that others will lock."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), self._path.stat())
        except FileNotFoundError:
            return False


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unopened(path, error) from error


def _unopened(path: Path, error: OSError) -> StateError:
    return StateError(f"{path}: the run lock cannot be opened: {error.strerror}")


def _taken(path: Path, descriptor: int, take: Callable[[int], None] = take_lock) -> bool:
    try:
        take(descriptor)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise StateError(
            f"{path}: the file system has no file locks ({error.strerror}); keep the state on another"
        ) from error
    return True


def _facts(path: Path) -> Mapping[str, str | int]:
    try:
        facts = json.loads(path.read_bytes().partition(b"\n")[0])
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
