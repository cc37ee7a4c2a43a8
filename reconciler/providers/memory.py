"""The provider without a platform: objects in memory, or in a file of JSON lines that people may read and edit.

In process it is what tests run against. With `file: PATH` in a target the objects live in that file, so that the
whole command line can be tried, and measured, without anything being served. A step appends one line, whatever the
number of objects; closing the provider leaves one line an object.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.secret import sealed, spec_from_json
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers.provider import Setting


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class MemoryProvider:
    """Objects that are exactly as the last step made them.

    Args:
        file: where the objects live between runs; None keeps them in this process alone.
        now: the time, ISO 8601 in UTC.
    """

    name: ClassVar[str] = "memory"

    def __init__(self, file: Path | None = None, *, now: Callable[[], str] = _now) -> None:
        self._file, self._now = file, now
        self._lock = threading.Lock()
        self._objects: dict[Address, Live] = {}
        self._fences: dict[Address, int] = {}
        self._appended = False
        if file and file.exists():
            self._objects, self._fences = _read(file)

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Open the file that the target names; a target without one lives as long as the process."""
        file = setting.options.get("file")
        return cls(setting.root / str(file) if file else None)

    def list(self) -> Sequence[Live]:
        """Every object."""
        return list(self._objects.values())

    def observe(self, address: Address) -> Live | None:
        """One object."""
        return self._objects.get(address)

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on, also after the object is gone."""
        with self._lock:
            self._fences[address] = max(generation, self._fences.get(address, 0))
            self._save(address)

    def fences(self) -> Mapping[Address, int]:
        """By address the generation below which operations are refused."""
        return dict(self._fences)

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:  # noqa: ARG002 - the Protocol's form
        """Nothing: memory holds everything."""
        yield from ()

    def create(self, step: Step, operation: Operation) -> None:
        """Put the object there; one that another state made is not touched."""
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
        with self._lock:
            self._refuse_others(step.address, operation)
            self._admit(step.address, operation)
            self._objects.pop(step.address, None)
            self._save(step.address)

    def adopt(self, address: Address, operation: Operation) -> None:
        """Have an object carry another state's mark."""
        with self._lock:
            if address not in self._objects:
                raise ProviderError(f"{address} is not there")
            self._admit(address, operation)
            self._objects[address] = replace(
                self._objects[address],
                lineage=operation.lineage,
                generation=operation.generation,
                operation=operation.id,
            )
            self._save(address)

    def edit(self, address: Address, **fields: Any) -> None:
        """Change an object behind everybody's back, as somebody with a console would."""
        found = self._objects[address]
        self._objects[address] = replace(found, spec={**found.spec, **fields})
        self._save(address)

    def close(self) -> None:
        """Leave one line an object in the file."""
        if self._file and self._appended:
            addresses = sorted(self._objects.keys() | self._fences.keys())
            _rewrite(self._file, (_line(a, self._objects.get(a), self._fences.get(a, 0)) for a in addresses))
            self._appended = False

    def _change(self, step: Step, operation: Operation) -> None:
        if step.address not in self._objects:
            raise ProviderError(f"{step.address} is not there")
        self._put(step, operation)

    def _put(self, step: Step, operation: Operation) -> None:
        with self._lock:
            self._refuse_others(step.address, operation)
            self._admit(step.address, operation)
            found = self._objects.get(step.address)
            spec = {**_left_alone(found), **(step.after or {})}
            created = found.created if found else self._now()
            live = Live(step.address, spec, operation.lineage, operation.generation, operation.id, created=created)
            self._objects[step.address] = live
            self._save(step.address)

    def _refuse_others(self, address: Address, operation: Operation) -> None:
        found = self._objects.get(address)
        if found and found.lineage != operation.lineage:
            raise ProviderError(f"{address} exists already and was not made by this state; import it first")

    def _admit(self, address: Address, operation: Operation) -> None:
        fence = self._fences.get(address, 0)
        if operation.generation < fence:
            raise ProviderError(
                f"{address}: an operation of generation {operation.generation} is refused: {fence} was seen"
            )
        self._fences[address] = operation.generation

    def _save(self, address: Address) -> None:
        if self._file:
            _append(self._file, _line(address, self._objects.get(address), self._fences.get(address, 0)))
            self._appended = True


def _left_alone(found: Live | None) -> Mapping[str, Any]:
    """Traffic and a number of instances that a step says nothing of stay with whoever set them."""
    spec = found.spec if found else {}
    return {name: spec[name] for name in ("traffic", "mirror_traffic", "instance_count") if name in spec}


def _read(file: Path) -> tuple[dict[Address, Live], dict[Address, int]]:
    """Read the lines in order: a later one of an address replaces the earlier, one without a spec removes it."""
    objects: dict[Address, Live] = {}
    fences: dict[Address, int] = {}
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            held = spec_from_json(line) if line.strip() else None
            if held is not None:
                _take(held, objects, fences)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and isinstance(error, json.JSONDecodeError):
                break  # The last line has no end: its write was cut off, so it was never acknowledged.
            raise ProviderError(f"{file}:{number} is not an object of a memory target: {error}") from error
    return objects, fences


def _take(held: Mapping[str, Any], objects: dict[Address, Live], fences: dict[Address, int]) -> None:
    address = Address.parse(held["address"])
    fences[address] = max(held["fence"], fences.get(address, 0))
    if held.get("spec") is None:
        objects.pop(address, None)
    else:
        made = (held["lineage"], held["generation"], held["operation"])
        objects[address] = Live(address, held["spec"], *made, created=held.get("created", ""))


def _line(address: Address, live: Live | None, fence: int) -> str:
    held: dict[str, Any] = {"address": str(address), "fence": fence}
    if live:
        held |= {"lineage": live.lineage, "generation": live.generation, "operation": live.operation}
        held |= {"created": live.created}
        held["spec"] = sealed(live.spec)
    return json.dumps(held) + "\n"


def _append(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(descriptor)


def _rewrite(file: Path, lines: Iterable[str]) -> None:
    """Write the whole file anew and rename it, so that a reader finds the old one or the new one."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.writelines(lines)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
