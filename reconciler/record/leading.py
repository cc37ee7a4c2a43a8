"""One watcher leads a record, for as long as it lives: a lock of its own, beside the run lock that each apply takes."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from reconciler.errors import LockHeldError
from reconciler.record.lock import file_lock
from reconciler.record.opening import POSTGRES, state_file


class Leadership:
    """The lead of one target's record; nobody has it before `take`.

    Args:
        location: of the record, as `state:` of the target has it.
        root: what a relative path counts from.
        target: the target's name.
    """

    def __init__(self, location: str, *, root: Path, target: str) -> None:
        self._location, self._root, self._target = location, root, target
        self._held = ExitStack()
        self._is_ours: Callable[[], bool] | None = None

    def is_of(self, location: str, target: str) -> bool:
        """Whether it is the lead of this record."""
        return (location, target) == (self._location, self._target)

    def take(self, holder: Mapping[str, str | int]) -> str:
        """Lead, or go on to; else say who does.

        Raises:
            StateError: the place of the record cannot be used.
        """
        if self._is_ours and self._is_ours():
            return ""
        self.close()
        try:
            self._is_ours = self._taken(holder)
        except LockHeldError as error:
            return str(error).partition(" is locked by ")[2].partition(";")[0] or "another watcher"
        return ""

    def close(self) -> None:
        """Let it go."""
        self._is_ours = None
        self._held.close()

    def _taken(self, holder: Mapping[str, str | int]) -> Callable[[], bool]:
        if self._location.partition(":")[0] in POSTGRES:
            return self._at_server(holder)
        file = state_file(self._location, self._root)
        if file is None:
            return lambda: True  # a record in memory is of this process alone
        lock = file.with_name(f"{file.name}.{quote(self._target, safe='')}.watch.lock")
        return self._held.enter_context(file_lock(lock, self._target, holder, timeout_s=0))

    def _at_server(self, holder: Mapping[str, str | int]) -> Callable[[], bool]:
        from reconciler.record.postgres_lock import server_lock  # noqa: PLC0415 - 60 ms, which no other store needs
        from reconciler.record.postgres_place import place_of  # noqa: PLC0415 - as above
        from reconciler.record.postgres_session import Session, told  # noqa: PLC0415 - as above

        place = place_of(self._location, self._target)
        with told(place):
            is_held = self._held.enter_context(server_lock(place, f"{self._target} (watch)", holder, timeout_s=0))

        def ask() -> bool:
            with told(place):
                session = Session(place)
                try:
                    return is_held(session)
                finally:
                    session.close()

        return ask
