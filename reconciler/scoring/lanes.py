"""A request's way to run() and back: let in or refused, until it is answered, over its time, or without its client."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from reconciler.scoring.calling import Caller
from reconciler.scoring.messages import OVERFLOW, Answer, Request, script_failed
from reconciler.scoring.overtime import Overtime
from reconciler.scoring.runners import CLIENT_GONE, LoopRunner, Runner, ThreadRunner, Ticket
from reconciler.scoring.settings import Settings

log = logging.getLogger("mlops.scoring")

LOOK_EVERY_S = 1.0


class Lane:
    """Lets requests in, up to its bound, and watches over them. All but `_hand_back` is for the server's loop alone.

    There is one timer for all requests, not one for each: it fires when the first run() may be over its time, and
    otherwise every second. Answers are collected, and one waking of the server's loop takes all of them.
    """

    def __init__(self, caller: Caller, settings: Settings) -> None:
        self.held = 0  # waiting or running; what has timed out is held until its run() ends
        self._bound = settings.bound
        self._limit_s = settings.run_limit_s
        self._runner: Runner = (
            LoopRunner(caller.call_async, settings.slots, self._hand_back)
            if caller.is_async
            else ThreadRunner(caller.call, settings.slots, self._hand_back)
        )
        self._overtime = Overtime(self._runner, settings)
        self._waiting: set[Ticket] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ended: deque[tuple[Ticket, Answer]] = deque()
        self._woken = False

    @property
    def is_full(self) -> bool:
        """Tell whether one more request would be one too many; it always is while nothing can run."""
        return self.is_stuck or (self._bound is not None and self.held >= self._bound)

    @property
    def is_stuck(self) -> bool:
        """Tell whether nothing can run, as every slot is held by a run() that is over its time."""
        return self._overtime.is_stuck

    @property
    def is_lost(self) -> bool:
        """Tell whether nothing will ever run again."""
        return self._overtime.is_lost

    def is_idle(self) -> bool:
        """Tell whether no run() is running."""
        return self._runner.is_idle()

    async def travel(self, request: Request, gone: Callable[[], Awaitable[object]]) -> Answer:
        """Take a request to its answer.

        Args:
            request: read to its end.
            gone: returns when the client has hung up.
        """
        if self.is_full:
            return OVERFLOW
        ticket = Ticket(request, asyncio.get_running_loop().create_future(), gone)
        self._enter(ticket)
        try:
            return await ticket.answer
        finally:
            self._leave(ticket)

    def _enter(self, ticket: Ticket) -> None:
        self.held += 1
        self._waiting.add(ticket)
        self._runner.take(ticket)
        if self._timer is None:
            self._look_in(min(self._limit_s, LOOK_EVERY_S))

    def _leave(self, ticket: Ticket) -> None:
        self._waiting.discard(ticket)
        if ticket.watch is not None:
            ticket.watch.cancel()
        if ticket.answer.cancelled():  # the server ends without waiting
            self._give_up(ticket)

    def _give_up(self, ticket: Ticket) -> None:
        if self._runner.withdraw(ticket):
            self.held -= 1
        else:
            self._runner.cancel(ticket)

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Answer what is over its time, and watch the clients of what has waited for long.

        A client is not watched from the start: that takes a task, which a request that is soon answered is spared.
        """
        now = time.monotonic()
        # First, so that what is found late now has until the next look to let go.
        self._overtime.look(now)
        if self.is_lost:
            self._let_go()
            return
        again = min(self._limit_s, LOOK_EVERY_S)
        for ticket in list(self._waiting):
            if ticket.started:
                left = ticket.started + self._limit_s - now
                if left > 0:
                    again = min(again, left)
                else:
                    self._time_out(ticket)
            elif ticket.watch is None:
                ticket.watch = asyncio.get_running_loop().create_task(self._leave_queue(ticket))
        self._timer = None
        if self._waiting or self._overtime:
            self._look_in(again)

    def _time_out(self, ticket: Ticket) -> None:
        self._waiting.discard(ticket)
        limit_ms = round(self._limit_s * 1000)
        log.error("request %s: run() has not ended after %s ms", ticket.request.id, limit_ms)
        ticket.settle(script_failed(self._limit_s, f"Scoring timeout after {limit_ms} ms"))
        self._overtime.add(ticket)
        self._runner.cancel(ticket)

    def _let_go(self) -> None:
        """Answer everything before the worker ends: what has not run may run elsewhere."""
        for ticket in list(self._waiting):
            if self._runner.withdraw(ticket):
                self.held -= 1
                ticket.settle(OVERFLOW)
            else:
                ticket.settle(script_failed(time.monotonic() - ticket.started, "The worker hangs and is replaced"))

    async def _leave_queue(self, ticket: Ticket) -> None:
        await ticket.gone()
        if self._runner.withdraw(ticket):
            self.held -= 1
            log.info("request %s: the client has gone before its turn", ticket.request.id)
            ticket.settle(CLIENT_GONE)

    def _hand_back(self, ticket: Ticket, answer: Answer) -> None:
        """Take an answer from the thread that ran run()."""
        self._ended.append((ticket, answer))
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the server has ended, and left this run() to itself
                ticket.answer.get_loop().call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        # First, so that what is handed back from here on wakes anew.
        self._woken = False
        while self._ended:
            ticket, answer = self._ended.popleft()
            self.held -= 1
            # At once, and not when the request leaves: no look in between may find it late.
            self._waiting.discard(ticket)
            self._overtime.discard(ticket)
            ticket.settle(answer)
