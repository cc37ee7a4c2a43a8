"""Where run() runs: in a bounded number of threads, or on an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from queue import SimpleQueue
from typing import Protocol

from reconciler.scoring.logs import end_line, request_id
from reconciler.scoring.messages import Answer, Request, failed

CLIENT_GONE = failed(499, "Client closed request")  # as nginx has it; nobody is there to read it


class Ticket:
    """One request on its way through a runner.

    `started` is 0 until run() begins. Only with the runner's lock is it set, or the ticket withdrawn: never both.
    """

    __slots__ = ("answer", "cancelled", "gone", "request", "started", "task", "watch", "withdrawn")

    def __init__(self, request: Request, answer: asyncio.Future[Answer], gone: Callable[[], Awaitable[object]]) -> None:
        self.request = request
        self.answer = answer
        self.gone = gone
        self.started = 0.0
        self.withdrawn = False
        self.cancelled = False
        self.task: asyncio.Task[None] | None = None
        self.watch: asyncio.Task[None] | None = None

    def settle(self, answer: Answer) -> None:
        """Answer on the server's own loop; the first answer counts."""
        if not self.answer.done():
            self.answer.set_result(answer)


HandBack = Callable[[Ticket, Answer], None]


class Runner(Protocol):
    """Runs what it takes in order, as many at a time as it has slots, and hands every ticket that it ran back."""

    @property
    def threads(self) -> Sequence[threading.Thread]:
        """Where run() runs."""

    def take(self, ticket: Ticket) -> None:
        """Queue a ticket; called on the server's loop."""

    def withdraw(self, ticket: Ticket) -> bool:
        """Take a ticket out of the queue; False when its run() has begun."""

    def cancel(self, ticket: Ticket) -> None:
        """End a run() that has begun, where that can be done."""

    def is_idle(self) -> bool:
        """Tell whether no run() is running."""

    def is_blocked_by(self, tickets: Collection[Ticket]) -> bool:
        """Tell whether nothing else can run as long as these, which were cancelled, go on."""


class ThreadRunner:
    """Runs a plain run() in as many threads as there are slots.

    A thread cannot be ended. One whose run() has timed out stays busy, and so does its slot: the bound on
    simultaneous run()s holds for what really runs, not for what somebody still waits for.
    """

    def __init__(self, call: Callable[[Request], Answer], slots: int, hand_back: HandBack) -> None:
        self._call = call
        self._hand_back = hand_back
        self._slots = slots
        self._queue: SimpleQueue[Ticket] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: set[Ticket] = set()
        # Daemons: a run() that never ends must not keep the process.
        self.threads = [threading.Thread(target=self._work, name=f"run-{one}", daemon=True) for one in range(slots)]
        for thread in self.threads:
            thread.start()

    def take(self, ticket: Ticket) -> None:
        """Queue a ticket for the next free thread."""
        self._queue.put(ticket)

    def withdraw(self, ticket: Ticket) -> bool:
        """Mark a queued ticket, so that the thread that comes upon it passes it over."""
        with self._lock:
            ticket.withdrawn = not ticket.started
        return ticket.withdrawn

    def cancel(self, ticket: Ticket) -> None:
        """Leave the thread to itself."""

    def is_idle(self) -> bool:
        """Tell whether no thread is in run()."""
        return not self._running

    def is_blocked_by(self, tickets: Collection[Ticket]) -> bool:
        """Tell whether these hold every thread."""
        return len(tickets) >= self._slots

    def _work(self) -> None:
        while True:
            self._run(self._queue.get())

    def _run(self, ticket: Ticket) -> None:
        with self._lock:
            if ticket.withdrawn:
                return
            ticket.started = time.monotonic()
        self._running.add(ticket)
        request_id.set(ticket.request.id)
        answer = self._call(ticket.request)
        end_line()
        request_id.set("")
        self._running.discard(ticket)
        self._hand_back(ticket, answer)


class LoopRunner:
    """Runs an async run() on an event loop in a thread of its own.

    Not on the server's loop: a run() that blocks in spite of its async would take the health route with it.
    A run() that has timed out is cancelled, which frees its slot as soon as it lets go.
    """

    def __init__(self, call: Callable[[Request], Awaitable[Answer]], slots: int, hand_back: HandBack) -> None:
        self._call = call
        self._hand_back = hand_back
        self._slots = slots
        self._queue: deque[Ticket] = deque()
        self._woken = False
        self._lock = threading.Lock()
        self._running: set[Ticket] = set()
        self._loop = asyncio.new_event_loop()
        self.threads = [threading.Thread(target=self._loop.run_forever, name="run", daemon=True)]
        self.threads[0].start()

    def take(self, ticket: Ticket) -> None:
        """Queue a ticket for the next free slot; one waking of the loop takes all that have come until then."""
        self._queue.append(ticket)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._wake)

    def withdraw(self, ticket: Ticket) -> bool:
        """Mark a queued ticket, so that it is passed over."""
        with self._lock:
            ticket.withdrawn = not ticket.started
        return ticket.withdrawn

    def cancel(self, ticket: Ticket) -> None:
        """Cancel the task that awaits run()."""
        self._loop.call_soon_threadsafe(self._cancel, ticket)

    def is_idle(self) -> bool:
        """Tell whether no run() is being awaited."""
        return not self._running

    def is_blocked_by(self, tickets: Collection[Ticket]) -> bool:
        """Tell whether these hold every slot, or one of them the loop itself, which then has not cancelled it."""
        return len(tickets) >= self._slots or not all(ticket.cancelled for ticket in tickets)

    def _cancel(self, ticket: Ticket) -> None:
        ticket.cancelled = True
        if ticket.task is not None:
            # A task that is cancelled before its first step takes none, and would hand nothing back.
            self._loop.call_soon(ticket.task.cancel)

    def _wake(self) -> None:
        self._woken = False
        self._start()

    def _start(self) -> None:
        while self._queue and len(self._running) < self._slots:
            ticket = self._queue.popleft()
            with self._lock:
                if ticket.withdrawn:
                    continue
                ticket.started = time.monotonic()
            self._running.add(ticket)
            ticket.task = self._loop.create_task(self._run(ticket))

    async def _run(self, ticket: Ticket) -> None:
        request_id.set(ticket.request.id)
        answer = CLIENT_GONE
        try:
            answer = await self._call(ticket.request)
        finally:
            end_line()
            self._running.discard(ticket)
            self._hand_back(ticket, answer)
            self._start()
