"""Where run() runs: in a bounded pool of threads, or on an event loop of its own, with a queue before it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from reconciler.scoring.calling import Caller
from reconciler.scoring.logs import request_id
from reconciler.scoring.messages import Answer, Request


class Ticket:
    """One request on its way through a lane."""

    __slots__ = ("answer", "request", "started", "work")

    def __init__(self, request: Request, answer: asyncio.Future[Answer]) -> None:
        self.request = request
        self.answer = answer
        self.started = 0.0
        self.work: Future[Any] | None = None

    def deliver(self, answer: Answer) -> None:
        """Hand the answer, from any thread, to whoever still waits for it."""
        self.answer.get_loop().call_soon_threadsafe(self.settle, answer)

    def settle(self, answer: Answer) -> None:
        """Answer on the server's own loop; the first answer counts."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Lane(Protocol):
    """A place where run() runs, that keeps its bound."""

    def enter(self, ticket: Ticket) -> None:
        """Queue the ticket's request."""

    def is_idle(self) -> bool:
        """Tell whether no run() is running."""


class ThreadLane:
    """Runs a plain run() in as many threads as there are slots.

    A thread cannot be killed. One whose run() has timed out stays busy, and so does its slot: the bound on
    simultaneous run()s holds for what really runs, not for what somebody still waits for.
    """

    def __init__(self, call: Callable[[Request], Answer], slots: int) -> None:
        self._call = call
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="run")
        self._running: set[Ticket] = set()

    def enter(self, ticket: Ticket) -> None:
        """Queue the request for the next free thread."""
        ticket.work = self._pool.submit(self._work, ticket)

    def is_idle(self) -> bool:
        """Tell whether no thread is in run()."""
        return not self._running

    def _work(self, ticket: Ticket) -> None:
        if ticket.answer.done():  # nobody waits any more
            return
        self._running.add(ticket)
        ticket.started = time.monotonic()
        request_id.set(ticket.request.id)
        try:
            ticket.deliver(self._call(ticket.request))
        finally:
            request_id.set("")
            self._running.discard(ticket)


class LoopLane:
    """Runs an async run() on an event loop in a thread of its own.

    Not on the server's loop: a run() that blocks in spite of its async would take the health route with it.
    A run() that has timed out is cancelled, which frees its slot as soon as it lets go.
    """

    def __init__(self, call: Callable[[Request], Any], slots: int) -> None:
        self._call = call
        self._loop = asyncio.new_event_loop()
        self._running: set[Ticket] = set()
        threading.Thread(target=self._loop.run_forever, name="run", daemon=True).start()
        self._slots = asyncio.run_coroutine_threadsafe(_semaphore(slots), self._loop).result()

    def enter(self, ticket: Ticket) -> None:
        """Queue the request for the next free slot."""
        ticket.work = asyncio.run_coroutine_threadsafe(self._work(ticket), self._loop)

    def is_idle(self) -> bool:
        """Tell whether no run() is being awaited."""
        return not self._running

    async def _work(self, ticket: Ticket) -> None:
        async with self._slots:
            self._running.add(ticket)
            ticket.started = time.monotonic()
            request_id.set(ticket.request.id)
            try:
                ticket.deliver(await self._call(ticket.request))
            finally:
                self._running.discard(ticket)


def lane_for(caller: Caller, slots: int) -> Lane:
    """Choose the lane that suits run()."""
    return LoopLane(caller.call_async, slots) if caller.is_async else ThreadLane(caller.call, slots)


async def _semaphore(slots: int) -> asyncio.Semaphore:
    # Made on the loop that waits on it: before Python 3.10 a semaphore belongs to the loop of its maker.
    return asyncio.Semaphore(slots)
