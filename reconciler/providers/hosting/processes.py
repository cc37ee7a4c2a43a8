"""The target's keeper as the provider needs it: several processes at a stroke, and a look without a touch."""

import time
from collections.abc import Sequence
from contextlib import suppress

from reconciler.errors import ProviderError
from reconciler.keeper.client import Keeper, SilentKeeperError
from reconciler.keeper.values import Process, Status
from reconciler.providers.hosting.layout import Layout

_AT_ONCE = 16
_LAST_MOMENTS_S = 5.0


class Processes:
    """The processes that a target's keeper keeps. Whatever changes something wakes the keeper first."""

    def __init__(self, layout: Layout) -> None:
        self._keeper = Keeper(layout.keeper, layout.sockets / "keeper.sock")

    def start(self, process: Process) -> None:
        """Start a process on trial."""
        self._keeper.put(process, trial=True)

    def settle(self, names: Sequence[str]) -> None:
        """End the trial of those that are on trial."""
        known = self.list()
        for name in names:
            if name in known and known[name].trial:
                self._keeper.keep(name)

    def remove(self, names: Sequence[str]) -> None:
        """Stop processes, all at the same time, and return when they are gone."""
        there = sorted(set(names) & self.list().keys())
        if there:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - brings logging along

            with ThreadPoolExecutor(min(_AT_ONCE, len(there))) as pool:
                list(pool.map(self._keeper.remove, there))

    def list(self) -> dict[str, Status]:
        """Every kept process by name; a keeper that was killed is started again and adopts what it left."""
        try:
            found = self._keeper.statuses()
        except SilentKeeperError:
            raise
        except ProviderError:
            self._keeper.ensure()
            found = self._keeper.statuses()
        return {status.name: status for status in found}

    def seen(self) -> dict[str, Status] | None:
        """Every kept process by name, without starting a keeper; None when there should be one and is not.

        Raises:
            SilentKeeperError: it hangs.
        """
        try:
            return {status.name: status for status in self._keeper.statuses()}
        except SilentKeeperError:
            raise
        except ProviderError:
            return None

    def acknowledge(self, names: Sequence[str]) -> None:
        """Forget how often processes were restarted."""
        known = self.list()
        for name in names:
            if name in known and known[name].restarts:
                self._keeper.acknowledge(name)

    def shutdown(self) -> None:
        """End the keeper and whatever it still keeps, and return when it is gone."""
        self.list()
        # Asked while there is something to keep: a keeper of nothing answers no more and is about to end.
        pid = self._keeper.pid()
        if pid is not None:
            self._keeper.shutdown(stop_processes=True)
            _await_end(pid)


def _await_end(pid: int) -> None:
    """Wait for the last moments of a process that is no child of ours."""
    import psutil  # noqa: PLC0415 - only the end of a target needs it

    deadline = time.monotonic() + _LAST_MOMENTS_S
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.005)
