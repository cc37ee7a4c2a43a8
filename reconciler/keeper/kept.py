"""The kept processes: started, watched, restarted, stopped and replaced, and each change written down."""

import os
import selectors
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from reconciler.keeper import children, table
from reconciler.keeper.console import Console
from reconciler.keeper.events import Event, Events
from reconciler.keeper.health import Health
from reconciler.keeper.probes import Probes
from reconciler.keeper.records import Record
from reconciler.keeper.rows import is_instance
from reconciler.keeper.say import say
from reconciler.keeper.values import Exit

# One that does not answer its probes is not expected to finish what it has.
HUNG_GRACE_S = 5.0


class Kept:
    """The processes of one folder. What has to happen at a time stands in `due`, one entry a process."""

    def __init__(
        self,
        folder: Path,
        selector: selectors.BaseSelector,
        console: Console,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.records: dict[str, Record] = {}
        self.due: dict[str, float] = {}
        self._folder = folder
        self._selector = selector
        self._console = console
        self._events = Events(folder, wall=wall)
        self._liveness = Probes(selector, self._liveness_failed, now=now)
        self._readiness = Probes(selector, self._readiness_failed, now=now)
        self._now = now
        self._wall = wall
        self._watched: dict[str, int] = {}
        # Why processes are being ended that nobody told to stop.
        self._hung: dict[str, str] = {}
        self._unsaved = False

    @property
    def polled(self) -> bool:
        """Whether there is a process that the system cannot watch for us."""
        return any(record.pid and name not in self._watched for name, record in self.records.items())

    def adopt(self) -> None:
        """Take over what an earlier keeper of this folder left."""
        self.records = table.load(self._folder)
        for name, record in list(self.records.items()):
            self._adopt(name, record)

    def begin(self, record: Record) -> None:
        """Start a process that was not running.

        Raises:
            OSError: it cannot be started or written down; nothing has changed.
        """
        name = record.process.name
        former = self.records.get(name)
        try:
            self._start(record)
        except OSError:
            self.records.pop(name, None)
            if former:
                self.records[name] = former
            raise

    def replace(self, record: Record) -> None:
        """Tell a process to stop, and have its successor follow.

        Raises:
            OSError: that cannot be written down; the process goes on.
        """
        name = record.process.name
        former, self.records[name] = self.records[name], record
        try:
            table.save(self._folder, self.records)
        except OSError:
            self.records[name] = former
            raise
        self.records[name] = former
        self.stop(record)

    def stop(self, record: Record) -> None:
        """Tell a process to stop, and have its successor follow, if there is one."""
        name = record.process.name
        told = self.records[name].stopping and name in self.due
        self.remember(record)
        if record.pid is None:
            self._follow_up(name, record)
        elif not told:
            self._events.tell(name, Event.KILLING, f"Stopping process {record.pid}")
            self._end_in(name, record.pid, record.process.stop_timeout_s)

    def stop_all(self) -> None:
        """Tell every process to stop."""
        for record in list(self.records.values()):
            self.stop(record.told_to_stop())

    def remember(self, record: Record) -> None:
        """Write a record down; where that fails the old table stands, whose pids the next keeper checks anyway."""
        self.records[record.process.name] = record
        self._save()
        self._attend(record)

    def do_what_is_due(self) -> None:
        """Restart what waited long enough, and kill what did not stop in time."""
        now = self._now()
        for name in [each for each, at in self.due.items() if at <= now]:
            del self.due[name]
            record = self.records[name]
            if record.pid is None:
                self._restart(record)
            else:
                say(f"{name}: did not stop in time and is killed")
                self._events.tell(name, Event.KILLING, f"Process {record.pid} did not stop in time and is killed")
                children.kill_group(record.pid)
        self._liveness.do_what_is_due()
        self._readiness.do_what_is_due()

    def next_at(self) -> float:
        """When something falls due, by the clock of `now`."""
        return min(self._liveness.next_at(), self._readiness.next_at(), *self.due.values(), float("inf"))

    def poll(self) -> None:
        """Look after the processes that the system cannot watch for us."""
        for name, record in list(self.records.items()):
            if record.pid and name not in self._watched and not _is_alive(record.pid, record.born):
                self._ended(name)

    def save_again(self) -> None:
        """Write the table if that failed the last time."""
        if self._unsaved:
            self._save()

    def _adopt(self, name: str, record: Record) -> None:
        if record.pid is None:
            self._follow_up(name, record)
        elif _is_alive(record.pid, record.born):
            say(f"{name}: adopted, pid {record.pid}")
            self._watch(name, record.pid)
            if record.stopping:
                self.stop(record)
            self._attend(record)
        else:
            self._ended(name)

    def _restart(self, record: Record) -> None:
        """Start a process again, and later once more if that fails."""
        name = record.process.name
        try:
            self._start(record)
        except OSError as error:
            say(f"{name}: not started: {error}")
            now = self._wall()
            record = replace(record, started_at=now).ended(record.last_exit or Exit(), now)
            self.remember(record)
            self._follow_up(name, record)

    def _start(self, record: Record) -> None:
        """Start a process once it is written down; if that cannot be, nothing runs."""
        name = record.process.name
        self.due.pop(name, None)
        mark = _new_mark(name)
        pid, opener = children.spawn(record.process, mark)
        record = record.started(pid, children.born(pid), self._wall(), mark)
        self.records[name] = record
        try:
            table.save(self._folder, self.records)
        except OSError:
            children.discard(pid, opener)
            raise
        self._events.tell(name, Event.CREATED, f"Created process {pid}")
        children.release(opener)
        again = f", restart {record.restarts}" if record.restarts else ""
        say(f"{name}: started, pid {pid}{again}")
        self._events.tell(name, Event.STARTED, f"Started process {pid}{again}")
        self._watch(name, pid)
        self._attend(record)

    def _attend(self, record: Record) -> None:
        """Have the log of an instance read, and probe who is to be probed: neither on trial nor stopping."""
        process = record.process
        if is_instance(process.name):
            self._console.follow(process)
        idle = record.trial or record.stopping or process.name in self._hung
        age_s = max(0.0, self._wall() - record.started_at)
        for probes, probe in ((self._liveness, process.liveness), (self._readiness, process.readiness)):
            if probe and record.pid and not idle:
                probes.watch(process.name, probe, max(0.0, probe.initial_delay_s - age_s))
            else:
                probes.forget(process.name)

    def _readiness_failed(self, name: str, what: str, health: Health) -> None:
        """A process did not answer; that it does so no more is told once, not each time."""
        readiness = self.records[name].process.readiness
        if readiness and health.begins_to_fail(readiness):
            row = f"{health.failures} of {readiness.failure_threshold} in a row"
            self._events.tell(name, Event.READINESS_PROBE_FAILED, f"Readiness probe failed, {row}: {what}")

    def _liveness_failed(self, name: str, what: str, health: Health) -> None:
        """A process did not answer; one that did not so often enough is ended, to be started again."""
        record = self.records[name]
        liveness = record.process.liveness
        if liveness is None or record.pid is None:
            return
        row = f"{health.failures} of {liveness.failure_threshold} in a row"
        self._events.tell(name, Event.LIVENESS_PROBE_FAILED, f"Liveness probe failed, {row}: {what}")
        if not health.fails(liveness):
            return
        cause = f"{health.failures} failed liveness probes ({what})"
        say(f"{name}: {cause}")
        self._events.tell(name, Event.KILLING, f"Stopping process {record.pid} after {cause}; it is started again")
        self._hung[name] = cause
        self._attend(record)
        self._end_in(name, record.pid, min(record.process.stop_timeout_s, HUNG_GRACE_S))

    def _end_in(self, name: str, pid: int, seconds: float) -> None:
        """Tell a process to end, and see to it that it has by then."""
        children.tell(pid, self.records[name].process.stop_signal)
        self.due[name] = min(self.due.get(name, float("inf")), self._now() + seconds)

    def _watch(self, name: str, pid: int) -> None:
        descriptor = children.watch(pid)
        if descriptor is not None:
            self._watched[name] = descriptor
            self._selector.register(descriptor, selectors.EVENT_READ, lambda: self._ended(name))

    def _ended(self, name: str) -> None:
        """A process ended: what it left goes too, and what was to follow follows."""
        if name in self._watched:
            descriptor = self._watched.pop(name)
            self._selector.unregister(descriptor)
            os.close(descriptor)
        process = self.records[name].process
        how = replace(_buried(self.records[name].pid or 0), cause=self._hung.pop(name, ""))
        if mark := self.records[name].mark:
            children.kill_marked(mark)
        say(f"{name}: {how}")
        record = self.records[name].ended(how, self._wall())
        self.due.pop(name, None)
        self._console.ended(process)
        self.remember(record)
        self._follow_up(name, record)

    def _follow_up(self, name: str, record: Record) -> None:
        if not record.stopping:
            self._back_off(name, record)
            return
        self.due.pop(name, None)
        del self.records[name]
        self._console.leave(record.process)
        if record.successor is None:
            self._save()
        else:
            self._restart(record.successor)

    def _back_off(self, name: str, record: Record) -> None:
        if record.trial:
            self._events.tell(name, Event.BACK_OFF, f"Ended on trial, and is not started again: {record.last_exit}")
            return
        delay_s = record.restart_delay_s
        self.due[name] = self._now() + delay_s
        self._events.tell(name, Event.BACK_OFF, f"Is started again in {delay_s:g} s: {record.last_exit}")

    def _save(self) -> None:
        try:
            table.save(self._folder, self.records)
        except OSError as error:
            if not self._unsaved:
                say(f"the table cannot be written, and is tried again: {error}")
            self._unsaved = True
        else:
            self._unsaved = False


def _new_mark(name: str) -> str:
    """For an instance, one that no other process has, under whatever keeper; what else is kept has none.

    That may start what is to outlive it.
    """
    return os.urandom(12).hex() if is_instance(name) else ""


def _is_alive(pid: int, born: str) -> bool:
    """Whether a process is still the one that was started; nothing is known of the birth of one that ended at once."""
    return born != "" and children.born(pid) == born


def _buried(pid: int) -> Exit:
    # A dead child keeps its pid until it is reaped; an orphan's may be another's by now, if one of that pid is alive.
    if children.born(pid) == "":
        children.kill_group(pid)
    return children.reap(pid)
