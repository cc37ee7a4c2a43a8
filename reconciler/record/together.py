"""Many files at once: work of which most is hashing, reading and waiting, by several threads."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_MANY_BYTES, _MANY_FILES, _MOST = 32 << 20, 64, 4


def threads_for(sizes: Sequence[int], *, synced: bool = False) -> int:
    """How many threads files of such sizes are worth; to start them costs more than to read a folder of scripts does.

    Args:
        synced: whether the disk is waited for at each, so that many small ones are worth some, too.
    """
    if sum(sizes) < _MANY_BYTES and not (synced and len(sizes) >= _MANY_FILES):
        return 1
    return min(_MOST, len(sizes), os.cpu_count() or 1)


def each(work: Callable[[_Item], _Answer], items: Iterable[_Item], *, threads: int) -> list[_Answer]:
    """What the work makes of each item, in their order.

    An item is taken when a thread is free for it. Once one fails no other is begun, those under way are finished, and
    the first error is raised.
    """
    if threads < 2:
        return [work(item) for item in items]
    waiting, lock = enumerate(items), threading.Lock()
    answers: dict[int, _Answer] = {}
    errors: list[BaseException] = []

    def following() -> tuple[int, _Item] | None:
        with lock:
            return None if errors else next(waiting, None)

    def run() -> None:
        while taken := following():
            try:
                answers[taken[0]] = work(taken[1])
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
                errors.append(error)

    # Daemons, as one that hangs for ever must not keep the process from its end.
    workers = [threading.Thread(target=run, name=f"files-{number}", daemon=True) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for error in errors:
        raise error
    return [answers[place] for place in range(len(answers))]
