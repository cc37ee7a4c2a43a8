"""One worker: init(), then uvicorn around the application, draining when it is told to stop."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from reconciler.scoring.app import App
from reconciler.scoring.calling import Caller
from reconciler.scoring.lanes import lane_for
from reconciler.scoring.script import Script, ScriptError, Stopped, call_init, describe, load_script
from reconciler.scoring.settings import Settings

log = logging.getLogger("mlops.scoring")

SCRIPT_FAILED = 3
STOP = (signal.SIGTERM, signal.SIGINT)
# Longer than the hour after which Envoy drops an idle connection: so the client closes, and no request meets our end.
KEEP_ALIVE_S = 4000


class Server(uvicorn.Server):
    """Uvicorn that, told to stop, says so on its health route and serves on for a while."""

    def __init__(self, config: uvicorn.Config, app: App, settings: Settings) -> None:
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._drain_began = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's form
        """Drain at the first SIGTERM; at a second one, or at SIGINT, take no more requests."""
        if sig == signal.SIGINT or self._app.draining:
            self.should_exit = True
        else:
            self._drain_began = time.monotonic()
        self._app.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Stop taking requests once drained; what is in flight then has the drain time again to end."""
        if self._app.draining and self._is_drained(time.monotonic()):
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets=sockets)
        for sock in sockets or []:
            log.info("ready on %s", _name(sock))

    def _is_drained(self, now: float) -> bool:
        if now - self._drain_began >= self._settings.drain_s:
            return True
        quiet_since = max(self._drain_began, self._app.last_seen)
        return self._app.in_flight == 0 and now - quiet_since >= self._settings.drain_grace_s


def serve(settings: Settings, sock: socket.socket, before_listening: Callable[[], None] = lambda: None) -> int:
    """Load the script, call init(), serve until told to stop; give the exit code."""
    faulthandler.enable()
    stop_before_serving()
    try:
        with _init_deadline(settings.worker_timeout_s):
            script = load_script(settings.app_root, settings.entry_script)
            call_init(script)
        lane = lane_for(Caller(script.run), settings.slots)
    except ScriptError as error:
        log.error("%s", error)  # noqa: TRY400 - the error holds the script's own traceback
        return SCRIPT_FAILED
    before_listening()
    _server(App(lane, settings), settings).run(sockets=[sock])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _shut_down(script)
    if not lane.is_idle():
        _leave_without_waiting()
    return 0


def stop_before_serving() -> None:
    """End at once when told to stop, as long as nothing is served."""
    for number in STOP:
        signal.signal(number, _raise_stopped)


def _name(sock: socket.socket) -> str:
    address = sock.getsockname()
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


def _server(app: App, settings: Settings) -> Server:
    config = uvicorn.Config(
        app,
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
    return Server(config, app, settings)


def _raise_stopped(_sig: int, _frame: FrameType | None) -> None:
    raise Stopped(0)


@contextmanager
def _init_deadline(limit_s: float) -> Iterator[None]:
    timer = threading.Timer(limit_s, _give_up_on_init, [limit_s])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up_on_init(limit_s: float) -> None:
    log.error("init() has not ended after %g s (WORKER_TIMEOUT); it is here:", limit_s)
    faulthandler.dump_traceback()
    os._exit(SCRIPT_FAILED)


def _shut_down(script: Script) -> None:
    if script.shutdown is None:
        return
    try:
        script.shutdown()
    except Exception as error:  # noqa: BLE001 - the script's error is for the log; the server ends all the same
        log.error("shutdown() failed\n%s", describe(error))  # noqa: TRY400 - without the server's frames


def _leave_without_waiting() -> None:
    """End at once: the interpreter would wait for the thread of a run() that never ends."""
    log.warning("run() is still running and is cut off")
    sys.stdout.flush()
    os._exit(0)
