"""The provider without a platform: objects in memory, or in a file of JSON lines that people may read and edit.

In process it is what tests run against. With `file: PATH` in a target the objects live in that file, so that the
whole command line can be tried, and measured, without anything being served. A step appends one line, whatever the
number of objects; closing the provider leaves one line an object.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.contents import contents_of
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Live
from reconciler.errors import ProviderError, StateError
from reconciler.providers.memory_file import digests_of, known_of, read_objects, root_of, some_of
from reconciler.providers.memory_lines import digest_of, line_of
from reconciler.providers.provider import Assets, Setting
from reconciler.record.files import lay_down, sync_folder
from reconciler.record.lock import LockFile, wait_until_taken

_PATIENCE_S = 30.0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class MemoryProvider:
    """Objects that are exactly as the last step made them.

    Args:
        file: where the objects live between runs; None keeps them in this process alone.
        now: the time, ISO 8601 in UTC.
        assets: where the content of registered versions is laid down; None to know it by digest alone.
    """

    name: ClassVar[str] = "memory"

    def __init__(
        self, file: Path | None = None, *, now: Callable[[], str] = _now, assets: Assets | None = None
    ) -> None:
        self._file, self._now, self._assets = file, now, assets
        self._lock = threading.Lock()
        self._objects: dict[Address, Live] = {}
        self._fences: dict[Address, int] = {}
        self._appended = False
        self._seen: _Stamp = None

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Open the file that the target names; a target without one lives as long as the process.

        Raises:
            ProviderError: an option is not known.
        """
        unknown = sorted(setting.options.keys() - {"file"})
        if unknown:
            raise ProviderError(f"target option {unknown[0]} is not known to a memory target; there is file")
        file = setting.options.get("file")
        return cls(setting.root / str(file) if file else None, assets=setting.assets)

    def list(self) -> Sequence[Live]:
        """Every object."""
        with self._lock:
            self._look()
            return list(self._objects.values())

    def observe(self, address: Address) -> Live | None:
        """One object."""
        with self._lock:
            self._look()
            return self._objects.get(address)

    def root(self) -> str:
        """A digest of the file as it lies, which is not decoded; of one that is not there, an empty one."""
        with self._lock:
            if self._file:
                return root_of(self._file) if _stamp(self._file) else ""
            return hashlib.sha256("".join(self._lines()).encode()).hexdigest()

    def digests(self) -> Mapping[Address, str]:
        """The digest of every object's line."""
        with self._lock:
            found = digests_of(self._file) if self._file and _stamp(self._file) else None
            if found is None:
                self._look()
                fences = self._fences
                found = {a: digest_of(line_of(a, o, fences.get(a, 0)).encode()) for a, o in self._objects.items()}
            return found

    def some(self, addresses: Collection[Address]) -> Sequence[Live]:
        """These objects; no other one of the file is decoded, unless it was edited by hand."""
        with self._lock:
            if self._file and (stamp := _stamp(self._file)) and stamp != self._seen:
                return some_of(self._file, addresses)
            self._look()
            return tuple(self._objects[address] for address in addresses if address in self._objects)

    def known(self, digests: Mapping[Address, str]) -> Sequence[Live]:
        """These objects; of a file that is in order, as it is left behind, few lines are read."""
        with self._lock:
            found = known_of(self._file, digests) if self._file and _stamp(self._file) else ()
        missing = digests.keys() - {item.address for item in found}
        return (*found, *(self.some(missing) if missing else ()))

    def lacking(self, _address: Address, _spec: Spec) -> Iterator[str]:
        """Nothing: objects are what their specs say, and no more."""
        return iter(())

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on, also after the object is gone."""
        with self._alone():
            self._keep(address, self._objects.get(address), max(generation, self._fences.get(address, 0)))

    def fences(self) -> Mapping[Address, int]:
        """By address the generation below which operations are refused."""
        with self._lock:
            self._look()
            return dict(self._fences)

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:  # noqa: ARG002 - the Protocol's form
        """Nothing: memory holds everything."""
        yield from ()

    def create(self, step: Step, operation: Operation) -> None:
        """Put the object there, a version's content with it; one that another state made is not touched."""
        from reconciler.kinds import KINDS  # noqa: PLC0415 - whoever looks needs none

        if self._assets and KINDS[step.address.kind].versioned:
            for digest in filter(self._assets.holds, contents_of(step.after)):
                self._assets.path(digest)
        self._put(step, operation)

    def scale(self, step: Step, operation: Operation) -> None:
        """Change the number of instances."""
        self._change(step, operation)

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Change what runs."""
        self._change(step, operation)

    def update(self, step: Step, operation: Operation) -> None:
        """Change the rest."""
        self._change(step, operation)

    def route(self, step: Step, operation: Operation) -> None:
        """Change the traffic."""
        self._change(step, operation)

    def delete(self, step: Step, operation: Operation) -> None:
        """Remove the object; one that is gone already is no error."""
        with self._alone():
            self._refuse_others(step.address, operation)
            self._keep(step.address, None, self._admitted(step.address, operation))

    def adopt(self, address: Address, operation: Operation) -> None:
        """Have an object carry another state's mark."""
        with self._alone():
            if address not in self._objects:
                raise ProviderError(f"{address} is not there")
            fence = self._admitted(address, operation)
            marked = replace(
                self._objects[address],
                lineage=operation.lineage,
                generation=operation.generation,
                operation=operation.id,
            )
            self._keep(address, marked, fence)

    def edit(self, address: Address, **fields: Any) -> None:
        """Change an object behind everybody's back, as somebody with a console would."""
        with self._alone():
            found = self._objects[address]
            self._keep(address, replace(found, spec={**found.spec, **fields}), self._fences.get(address, 0))

    def close(self) -> None:
        """Leave one line an object in the file."""
        if self._file and self._appended:
            # Without space for a second file the lines stay as they are, and say the same.
            with suppress(OSError), self._alone():
                lay_down(self._file, lambda fresh: _write(fresh, self._lines()), over=True)
            self._appended = False

    def _lines(self) -> Iterator[str]:
        for address in sorted(self._objects.keys() | self._fences.keys()):
            yield line_of(address, self._objects.get(address), self._fences.get(address, 0))

    def _change(self, step: Step, operation: Operation) -> None:
        if self.observe(step.address) is None:
            raise ProviderError(f"{step.address} is not there")
        self._put(step, operation)

    def _put(self, step: Step, operation: Operation) -> None:
        with self._alone():
            self._refuse_others(step.address, operation)
            fence = self._admitted(step.address, operation)
            found = self._objects.get(step.address)
            spec = {**_left_alone(found), **(step.after or {})}
            created = found.created if found else self._now()
            live = Live(step.address, spec, operation.lineage, operation.generation, operation.id, created=created)
            self._keep(step.address, live, fence)

    def _refuse_others(self, address: Address, operation: Operation) -> None:
        found = self._objects.get(address)
        if found and found.lineage != operation.lineage:
            raise ProviderError(f"{address} exists already and was not made by this state; import it first")

    def _admitted(self, address: Address, operation: Operation) -> int:
        """The fence of afterwards."""
        fence = self._fences.get(address, 0)
        if operation.generation < fence:
            raise ProviderError(
                f"{address}: an operation of generation {operation.generation} is refused: {fence} was seen"
            )
        return operation.generation

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread or process write meanwhile; what others wrote before is known then.

        A process that hung while others went on must neither land what is late nor write over what they made.
        """
        with self._lock, _locked(self._file) if self._file else nullcontext():
            self._look()
            yield

    def _look(self) -> None:
        """Read the file again if it is not as this process left it."""
        if self._file and (stamp := _stamp(self._file)) != self._seen:
            self._objects, self._fences = read_objects(self._file) if stamp else ({}, {})
            self._seen = stamp

    def _keep(self, address: Address, live: Live | None, fence: int) -> None:
        """Write it down, then know it: what cannot be written has no effect."""
        if self._file:
            try:
                _append(self._file, line_of(address, live, fence))
            except OSError as error:
                raise ProviderError(f"{self._file}: cannot be written: {error.strerror}") from error
            self._appended, self._seen = True, _stamp(self._file)
        self._fences[address] = fence
        if live:
            self._objects[address] = live
        else:
            self._objects.pop(address, None)


_Stamp = tuple[int, int, int] | None


def _stamp(file: Path) -> _Stamp:
    """Changes with the file; None when there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    lock = _opened(file)
    try:
        if not wait_until_taken(lock.take, _PATIENCE_S, sleep=time.sleep, now=time.monotonic):
            raise ProviderError(f"{file}: another process writes to it and does not end")
        yield
    finally:
        os.close(lock.descriptor)


def _opened(file: Path) -> LockFile:
    """The file, which is made if there is none, with its name on disk."""
    is_new = not file.exists()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = LockFile(file)
        if is_new:
            sync_folder(file.parent)
    except (OSError, StateError) as error:
        raise ProviderError(f"{file}: cannot be written: {error}") from error
    return lock


def _left_alone(found: Live | None) -> Mapping[str, Any]:
    """Traffic and a number of instances that a step says nothing of stay with whoever set them."""
    spec = found.spec if found else {}
    return {name: spec[name] for name in ("traffic", "mirror_traffic", "instance_count") if name in spec}


def _append(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        _end_lines(stream)
        stream.write(line.encode())
        stream.flush()
        os.fsync(descriptor)


def _end_lines(stream: BinaryIO) -> None:
    """Go behind the last line: one that an editor left without an end gets it; half of one goes, nobody knew of it."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 1))
    if stream.read() in (b"", b"\n"):
        return
    stream.seek(0)
    last = stream.read().rpartition(b"\n")[2]
    try:
        json.loads(last)
        stream.write(b"\n")
    except ValueError:
        stream.seek(size - len(last))
        stream.truncate()


def _write(file: Path, lines: Iterable[str]) -> None:
    file.write_text("".join(lines), encoding="utf-8")
