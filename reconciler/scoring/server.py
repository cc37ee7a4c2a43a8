"""Uvicorn around the application: it drains when it is told to stop, and retires when a successor is there."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import random
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn

from reconciler.scoring.app import App
from reconciler.scoring.settings import Settings

log = logging.getLogger("mlops.scoring")

RETIRE = signal.SIGUSR1 if hasattr(signal, "SIGUSR1") else signal.SIGTERM  # without a fork nobody retires
# Longer than the hour after which Envoy drops an idle connection: so the client closes, and no request meets our end.
KEEP_ALIVE_S = 4000
TICKS_PER_S = 10  # of uvicorn
# The loop needs four from the accepting of a connection to the reading of what it brings.
TURNS_TO_A_REQUEST = 5


class Server(uvicorn.Server):
    """Uvicorn that, told to stop, says so on its health route and serves on for a while.

    Args:
        app: the application.
        settings: of the server.
        ask_for_successor: called once, when the worker has had its number of requests.
    """

    def __init__(self, app: App, settings: Settings, ask_for_successor: Callable[[], None]) -> None:
        super().__init__(_config(app, settings))
        self._app = app
        self._settings = settings
        self._ask_for_successor = ask_for_successor
        self._drain_began = 0.0
        self._drained = False  # at the last tick
        self._told_to_retire = False
        self._tired_after = _spread(settings.max_requests_per_worker)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's form
        """Drain at the first SIGTERM; at a second one, or at SIGINT, take no more requests."""
        if sig == signal.SIGINT or self._app.draining:
            self.should_exit = True
        else:
            self._drain_began = time.monotonic()
        self._app.draining = True

    def retire(self) -> None:
        """Take no more connections, and end when those that there are have ended: each is closed by its next answer.

        The health route goes on: it speaks for all workers, and they are well. May be called by a handler of signals,
        which runs between any two steps of the loop; what there is to do is done by its next tick.
        """
        self._told_to_retire = True

    async def on_tick(self, counter: int) -> bool:
        """Stop taking requests once drained; what is in flight then has the drain time again to end."""
        now = time.monotonic()
        if counter % TICKS_PER_S == 0 and not self._settings.is_debugged:
            # A thread that needs nothing of Python, and so acts also when a run() never lets another one in.
            faulthandler.dump_traceback_later(self._settings.worker_timeout_s + 1, exit=True)
        if self._app.is_lost:
            self.should_exit = True
        elif self._app.draining:
            # At two ticks: what came while this process stood still is seen after the first of them.
            before, self._drained = self._drained, self._is_drained(now)
            self.should_exit = self.should_exit or (before and self._drained)
        elif self._app.retiring:
            over = now - self._drain_began >= self._settings.drain_s
            self.should_exit = over or not self.server_state.connections
        elif self._told_to_retire:
            self._begin_to_retire(now)
        elif self._app.metrics.requests >= self._tired_after:
            self._tired_after = float("inf")
            self._ask_for_successor()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close; how long that takes is bounded by the drain time, and shutdown() of the script by nothing."""
        faulthandler.cancel_dump_traceback_later()
        self._listen_no_more()
        for _ in range(TURNS_TO_A_REQUEST):
            await asyncio.sleep(0)
        await super().shutdown(sockets=sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets=sockets)
        for sock in sockets or []:
            log.info("ready on %s", _name(sock))

    def _begin_to_retire(self, now: float) -> None:
        self._drain_began = now
        self._app.retiring = True
        self._listen_no_more()

    def _listen_no_more(self) -> None:
        """Accept no more connections, but close nothing yet.

        A connection that the loop has accepted is known to uvicorn two steps later; asyncio drops it, with the request
        that it brings, when its server is closed in between.
        """
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for sock in server.sockets:
                with suppress(NotImplementedError):  # of Windows' loop, which has no readers
                    loop.remove_reader(sock)

    def _is_drained(self, now: float) -> bool:
        if now - self._drain_began >= self._settings.drain_s:
            return True
        quiet_since = max(self._drain_began, self._app.last_seen)
        return self._app.metrics.in_flight == 0 and now - quiet_since >= self._settings.drain_grace_s


def _name(sock: socket.socket) -> str:
    address = sock.getsockname()
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


def _spread(requests: int) -> float:
    """Ten per cent more or fewer, so that workers of one age do not retire together; without a number, never."""
    return max(1, round(requests * random.SystemRandom().uniform(0.9, 1.1))) if requests else float("inf")


def _config(app: App, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        # Not uvloop where it is there: it gains nothing when answers come from another thread, and takes connections
        # in bursts, so that one of several workers would get them all.
        loop="asyncio",
        http="auto",
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        interface="asgi3",
        ws="none",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.drain_s,  # type: ignore[arg-type]  # seconds; a fraction works as well
    )
