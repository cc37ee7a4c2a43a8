"""One worker: the script is loaded and init() called, then requests are served until it is told to stop."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from reconciler.scoring.app import App
from reconciler.scoring.calling import Caller
from reconciler.scoring.debugging import let_debugger_in
from reconciler.scoring.lanes import Lane
from reconciler.scoring.schemas import schemas_of
from reconciler.scoring.script import Script, ScriptError, Stopped, call_init, describe, load_script
from reconciler.scoring.served import Served
from reconciler.scoring.server import RETIRE, Server
from reconciler.scoring.settings import Settings
from reconciler.scoring.swagger import Swagger

log = logging.getLogger("mlops.scoring")

SCRIPT_FAILED = 3
HUNG = 4
STOP = (signal.SIGTERM, signal.SIGINT)


class Ready(NamedTuple):
    """A script whose init() has ended, and what the server knows of its run()."""

    script: Script
    caller: Caller
    swagger: Swagger
    served: Served


def _nothing() -> None:
    """Do nothing."""


def make_ready(settings: Settings) -> Ready | None:
    """Load the script and call init(); None, with the reason in the log, when the script cannot be served."""
    faulthandler.enable()
    stop_before_serving()
    try:
        with _init_deadline(settings.worker_timeout_s):
            let_debugger_in(settings)
            served = Served(settings)
            script = load_script(settings)
            call_init(script)
        caller = Caller(script.run)
        schemas = script.schemas() if script.schemas else schemas_of(script.run)
        swagger = Swagger(schemas, settings.app_root, settings.service)
    except ScriptError as error:
        _end_if_told()
        log.error("%s", error)  # noqa: TRY400 - the error holds the script's own traceback
        return None
    _end_if_told()
    # The model stays: no collection need look through it, and no worker forked from here copies its pages.
    gc.collect()
    gc.freeze()
    return Ready(script, caller, swagger, served)


def serve(
    ready: Ready,
    settings: Settings,
    sock: socket.socket,
    before_listening: Callable[[], None] = _nothing,
    ask_for_successor: Callable[[], None] = _nothing,
) -> int:
    """Serve until told to stop; give the exit code.

    Args:
        ready: what is served.
        settings: of the server.
        sock: bound, not yet listening.
        before_listening: called when everything is there to serve.
        ask_for_successor: called when the worker has had its number of requests.
    """
    lane = Lane(ready.caller, settings)
    app = App(lane, ready.swagger, ready.served, settings, run_takes_options=ready.caller.takes_options)
    before_listening()
    server = Server(app, settings, ask_for_successor)
    if settings.max_requests_per_worker:
        signal.signal(RETIRE, lambda _number, _frame: server.retire())
    # Also before uvicorn has handlers of its own, and after it has put back those that it found.
    signal.signal(signal.SIGTERM, server.handle_exit)
    _end_if_told()
    server.run(sockets=[sock])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if lane.is_lost:
        # Without shutdown(), which may well wait for what the run()s hold.
        _leave_without_waiting(HUNG)
    _shut_down(ready.script)
    if not lane.is_idle():
        _leave_without_waiting(0)
    return 0


class _Told:
    """What a signal has said: the exception may end in an `except:` of the script's, or in a `__del__`, unseen."""

    to_stop = False


def stop_before_serving() -> None:
    """End at once when told to stop, as long as nothing is served."""
    for number in STOP:
        signal.signal(number, _raise_stopped)


def _raise_stopped(_sig: int, _frame: FrameType | None) -> None:
    _Told.to_stop = True
    raise Stopped(0)


def _end_if_told() -> None:
    """End now, where the script went on although it was told to stop.

    Raises:
        Stopped: it was.
    """
    if _Told.to_stop:
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
        timer.join()  # a fork that comes next finds no thread of ours


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


def _leave_without_waiting(code: int) -> None:
    """End at once, and not when a run() does that never ends."""
    log.warning("run() is still running and is cut off")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
