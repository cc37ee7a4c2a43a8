"""The run()s that were answered as over their time and go on all the same: each holds its slot until it ends."""

from __future__ import annotations

import logging
import sys
import traceback

from reconciler.scoring.runners import Runner, Ticket
from reconciler.scoring.settings import Settings

log = logging.getLogger("mlops.scoring")


class Overtime:
    """Tells a run() that is late from a worker that is lost; for the server's loop alone.

    A worker whose slots are all held so is stuck: it takes nothing more. It is well again when one of them ends, and
    lost when none has in the time that is left to them.

    Args:
        runner: where the run()s run.
        settings: of the server.
    """

    def __init__(self, runner: Runner, settings: Settings) -> None:
        self.is_stuck = False
        self.is_lost = False
        self._runner = runner
        self._hung_after_s = settings.hung_after_s
        self._tickets: set[Ticket] = set()

    def __bool__(self) -> bool:
        return bool(self._tickets)

    def add(self, ticket: Ticket) -> None:
        """Take a ticket that has been answered while its run() goes on."""
        self._tickets.add(ticket)

    def discard(self, ticket: Ticket) -> None:
        """Forget a ticket whose run() has ended."""
        self._tickets.discard(ticket)
        self.is_stuck = self.is_stuck and self._holds_all()

    def look(self, now: float) -> None:
        """Find out how the worker is, and log where its run()s are when it has become stuck.

        Args:
            now: the monotonic clock, in seconds.
        """
        was_stuck, self.is_stuck = self.is_stuck, self._holds_all()
        if self.is_stuck and not was_stuck:
            log.error("every slot is held by a run() that is over its time; they are here:\n%s", self._stacks())
        self.is_lost = self.is_stuck and all(now - ticket.started >= self._hung_after_s for ticket in self._tickets)
        if self.is_lost:
            log.critical("no run() has ended after %g s, so this worker ends", self._hung_after_s)

    def _holds_all(self) -> bool:
        return bool(self._tickets) and self._runner.is_blocked_by(self._tickets)

    def _stacks(self) -> str:
        frames = sys._current_frames()  # noqa: SLF001 - public in all but its name
        stacks = [(one.name, frames[one.ident]) for one in self._runner.threads if one.ident in frames]
        return "\n".join(f"Thread {name}:\n{''.join(traceback.format_stack(frame))}" for name, frame in stacks)
