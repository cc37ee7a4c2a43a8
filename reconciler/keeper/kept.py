"""The kept processes: started, watched, restarted, stopped and replaced, and each change written down."""

import os
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reconciler.keeper import children, table
from reconciler.keeper.logs import rotate
from reconciler.keeper.records import Record
from reconciler.keeper.say import say
from reconciler.keeper.values import Exit


class Kept:
    """The processes of one folder. What has to happen at a time stands in `due`, one entry a process."""

    def __init__(
        self,
        folder: Path,
        selector: selectors.BaseSelector,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.records: dict[str, Record] = {}
        self.due: dict[str, float] = {}
        self._folder = folder
        self._selector = selector
        self._now = now
        self._wall = wall
        self._watched: dict[str, int] = {}

    @property
    def polled(self) -> bool:
        """Whether there is a process that the system cannot watch for us."""
        return any(record.pid and name not in self._watched for name, record in self.records.items())

    def adopt(self) -> None:
        """Take over what an earlier keeper of this folder left."""
        self.records = table.load(self._folder)
        for name, record in list(self.records.items()):
            self._adopt(name, record)

    def start(self, record: Record) -> None:
        """Start a process once it is written down; if that cannot be, nothing runs and it is tried again."""
        name = record.process.name
        self.due.pop(name, None)
        try:
            pid, opener = children.spawn(record.process)
        except OSError as error:
            say(f"{name}: not started: {error}")
            return self._unable(record)
        self.records[name] = record.started(pid, children.born(pid), self._wall())
        try:
            table.save(self._folder, self.records)
        except OSError as error:
            os.close(opener)
            say(f"{name}: not started, the table cannot be written: {error}")
        else:
            children.release(opener)
            say(f"{name}: started, pid {pid}")
        return self._watch(name, pid)

    def stop(self, record: Record) -> None:
        """Tell a process to stop, and have its successor follow, if there is one."""
        name = record.process.name
        told = self.records[name].stopping and name in self.due
        self.remember(record)
        if record.pid is None:
            self._follow_up(name, record)
        elif not told:
            children.tell(record.pid, record.process.stop_signal)
            self.due[name] = self._now() + record.process.stop_timeout_s

    def stop_all(self) -> None:
        """Tell every process to stop."""
        for record in list(self.records.values()):
            self.stop(record.told_to_stop())

    def remember(self, record: Record) -> None:
        """Write a record down; where that fails the old table stands, whose pids the next keeper checks anyway."""
        self.records[record.process.name] = record
        self._save()

    def do_what_is_due(self) -> None:
        """Restart what waited long enough, and kill what did not stop in time."""
        now = self._now()
        for name in [each for each, at in self.due.items() if at <= now]:
            del self.due[name]
            record = self.records[name]
            if record.stopping and record.pid is not None:
                say(f"{name}: did not stop in {record.process.stop_timeout_s:g} s and is killed")
                children.kill_group(record.pid)
            elif record.pid is None:
                self.start(record)

    def poll(self) -> None:
        """Look after the processes that the system cannot watch for us."""
        for name, record in list(self.records.items()):
            if record.pid and name not in self._watched and children.born(record.pid) != record.born:
                self._ended(name)

    def rotate_logs(self) -> None:
        """Cut the logs that outgrew their limits; a log that cannot be is tried again later."""
        for process in [record.process for record in self.records.values()]:
            for path in (process.log, *process.other_logs):
                with suppress(OSError):
                    rotate(Path(path), max_bytes=process.log_max_bytes, files=process.log_files)

    def _adopt(self, name: str, record: Record) -> None:
        if record.pid is None:
            self._follow_up(name, record)
        elif children.born(record.pid) == record.born:
            say(f"{name}: adopted, pid {record.pid}")
            self._watch(name, record.pid)
            if record.stopping:
                self.stop(record)
        else:
            self._ended(name)

    def _unable(self, record: Record) -> None:
        record = record.ended(Exit(), self._wall())
        self.remember(record)
        self._follow_up(record.process.name, record)

    def _watch(self, name: str, pid: int) -> None:
        descriptor = children.watch(pid)
        if descriptor is not None:
            self._watched[name] = descriptor
            self._selector.register(descriptor, selectors.EVENT_READ, lambda: self._ended(name))

    def _ended(self, name: str) -> None:
        """A process ended: what it left of its group goes too, and what was to follow follows."""
        if name in self._watched:
            descriptor = self._watched.pop(name)
            self._selector.unregister(descriptor)
            os.close(descriptor)
        how = _buried(self.records[name].pid or 0)
        say(f"{name}: {how}")
        record = self.records[name].ended(how, self._wall())
        self.due.pop(name, None)
        self.remember(record)
        self._follow_up(name, record)

    def _follow_up(self, name: str, record: Record) -> None:
        if not record.stopping:
            if not record.trial:
                self.due[name] = self._now() + record.restart_delay_s
            return
        self.due.pop(name, None)
        del self.records[name]
        if record.successor is not None:
            self.start(record.successor)
        self._save()

    def _save(self) -> None:
        try:
            table.save(self._folder, self.records)
        except OSError as error:
            say(f"the table cannot be written: {error}")


def _buried(pid: int) -> Exit:
    # A dead child keeps its pid until it is reaped; an orphan's may be another's by now, if one of that pid is alive.
    if children.born(pid) == "":
        children.kill_group(pid)
    return children.reap(pid)
