"""A request's way through a lane: until run() has answered, its time is up, or its client has left the queue."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from reconciler.scoring.lanes import Lane, Ticket
from reconciler.scoring.messages import Answer, Request, failed, timed_out

log = logging.getLogger("mlops.scoring")

WATCH_AFTER_S = 1.0
CLIENT_GONE = 499  # as nginx has it; nobody is there to read it


async def travel(lane: Lane, request: Request, *, limit_ms: int, gone: Callable[[], Awaitable[object]]) -> Answer:
    """Take a request through the lane; the limit is on run() itself, not on the wait for a slot.

    gone() returns when the client has hung up.
    """
    loop = asyncio.get_running_loop()
    ticket = Ticket(request, loop.create_future())
    lane.enter(ticket)
    timer = _Timer(ticket, limit_ms, gone)
    try:
        return await ticket.answer
    finally:
        timer.cancel()


class _Timer:
    """Ends a ticket's wait when its run() has had its time, or when its client leaves the queue.

    When it fires before that, it sets itself again: so nothing need cross threads when run() starts. And the client
    is watched only from the first firing on: that costs a task, which a request that is soon answered is spared.
    """

    def __init__(self, ticket: Ticket, limit_ms: int, gone: Callable[[], Awaitable[object]]) -> None:
        self._ticket = ticket
        self._limit_ms = limit_ms
        self._gone = gone
        self._watch: asyncio.Task[None] | None = None
        self._loop = ticket.answer.get_loop()
        self._handle = self._loop.call_later(min(limit_ms / 1000, WATCH_AFTER_S), self._fire)

    def cancel(self) -> None:
        self._handle.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._ticket.work is not None:
            self._ticket.work.cancel()  # takes back what is queued, ends what is async, leaves a running thread

    def _fire(self) -> None:
        left = self._limit_ms / 1000
        if self._ticket.started:
            left -= time.monotonic() - self._ticket.started
        elif self._watch is None:
            self._watch = self._loop.create_task(self._leave_queue())
        if left > 0:
            self._handle = self._loop.call_later(left, self._fire)
            return
        log.error("run() has not ended after %s ms", self._limit_ms)
        self._ticket.settle(timed_out(self._limit_ms))

    async def _leave_queue(self) -> None:
        await self._gone()
        if not self._ticket.started:
            log.info("the client has gone before its turn")
            self._ticket.settle(failed(CLIENT_GONE, "Client closed request"))
