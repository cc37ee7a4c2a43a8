"""The warden of a docker target: `python -m reconciler.providers.docker.warden FOLDER --project NAME`.

It asks instances whether they live and has those restarted that do not, counts restarts, and keeps the event log and
the console log. The engine runs the instances without it; the target's keeper keeps it up.
"""

import argparse
import os
import selectors
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from reconciler.keeper.say import say
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.envoys import ContainerEnvoys
from reconciler.providers.docker.gateway import Upkeep
from reconciler.providers.docker.listening import Connected, Listening, Lost, Word
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.sightings import Happening
from reconciler.providers.docker.wards import RestartFailed, Wards
from reconciler.providers.hosting.layout import Layout

TICK_S = 2.0


class Warden:
    """One thread that waits for what the engine tells, for answers to probes, and for what falls due."""

    def __init__(self, layout: Layout, engine: Engine, names: Names) -> None:
        layout.warden.mkdir(exist_ok=True, mode=0o700)
        self._layout = layout
        self._selector = selectors.DefaultSelector()
        self._words: SimpleQueue[Word | RestartFailed] = SimpleQueue()
        self._over = False
        self._connected = False
        self._next_tick = 0.0
        self._waker = self._wake_on_signals()
        self._wards = Wards(engine, names, layout, self._selector, self._tell, wall=time.time)
        self._listening = Listening(engine, names, self._wards.counting.until, self._tell)
        upkeep = Upkeep(ContainerEnvoys(engine, names, layout), layout)
        threading.Thread(target=upkeep.go_on, name="gateway", daemon=True).start()

    def run(self) -> None:
        """Look after the instances until told to end, or until the target's folder is gone."""
        while not self._over:
            for key, _ in self._selector.select(self._pause()):
                # What came before may have closed this one, as the end of an instance closes its probe.
                if self._selector.get_map().get(key.fd) == key:
                    key.data()
            self._hear()
            self._wards.asking.do_what_is_due()
            self._tick()
        self._listening.end()
        self._wards.close()

    def _wake_on_signals(self) -> socket.socket:
        """Have signals to stop, and words of other threads, end the wait; return what wakes."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.settimeout(0)
        self._selector.register(reader, selectors.EVENT_READ, lambda: reader.recv(4096))
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        return writer

    def _end(self, *_: object) -> None:
        self._over = True

    def _tell(self, word: Word | RestartFailed) -> None:
        self._words.put(word)
        with suppress(BlockingIOError):  # It has been woken often enough.
            self._waker.send(b".")

    def _pause(self) -> float:
        return max(0.0, min(self._next_tick, self._wards.asking.next_at()) - time.monotonic())

    def _hear(self) -> None:
        with suppress(Empty):
            while True:
                self._heed(self._words.get_nowait())

    def _heed(self, word: Word | RestartFailed) -> None:
        match word:
            case Happening():
                self._wards.happened(word)
            case RestartFailed():
                self._wards.restart_failed(word)
            case Connected():
                self._connected = True
                self._wards.look()
            case Lost():
                self._connected = False
                # What does not answer now cannot be mended.
                self._wards.asking.forget_all()

    def _tick(self) -> None:
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + TICK_S
        if not self._layout.warden.is_dir():
            say("the target's folder is gone")
            self._over = True
        elif self._connected and self._wards.doubtful:
            self._wards.look()


def main() -> int:
    """Parse the command line and look after the instances."""
    parser = argparse.ArgumentParser(prog="python -m reconciler.providers.docker.warden", description=__doc__)
    parser.add_argument("folder", type=Path, help="the target's own")
    parser.add_argument("--project", required=True, help="by which the target's things are known on the engine")
    parser.add_argument("--host", default="", help="the engine's address; else as the docker command finds it")
    options = parser.parse_args()
    threading.excepthook = _end_at_once
    Warden(Layout(options.folder), Engine(options.host), Names(options.project)).run()
    return 0


def _end_at_once(args: threading.ExceptHookArgs) -> None:
    """A warden that lost one of its threads would look well and do half its work: the keeper starts it anew."""
    threading.__excepthook__(args)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
