"""The provider without a platform: objects in memory, or in a JSON file that people may read and edit.

In process it is what tests run against. With `file: PATH` in a target the objects live in that file, so that the
whole command line can be tried, and measured, without anything being served.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.secret import sealed, unsealed
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers.provider import Setting


class MemoryProvider:
    """Objects that are exactly as the last step made them.

    Args:
        file: where the objects live between runs; None keeps them in this process alone.
    """

    name: ClassVar[str] = "memory"

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._objects: dict[Address, Live] = {}
        self._fences: dict[Address, int] = {}
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
            self._save()

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:  # noqa: ARG002 - the Protocol's form
        """Nothing: memory holds everything."""
        yield from ()

    def create(self, step: Step, operation: Operation) -> None:
        """Put the object there; one that another state made is not touched."""
        found = self._objects.get(step.address)
        if found and found.lineage != operation.lineage:
            raise ProviderError(f"{step.address} exists already and was not made by this state")
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
            self._admit(step.address, operation)
            self._objects.pop(step.address, None)
            self._save()

    def edit(self, address: Address, **fields: Any) -> None:
        """Change an object behind everybody's back, as somebody with a console would."""
        found = self._objects[address]
        self._objects[address] = replace(found, spec={**found.spec, **fields})
        self._save()

    def close(self) -> None:
        """Nothing is held."""

    def _change(self, step: Step, operation: Operation) -> None:
        if step.address not in self._objects:
            raise ProviderError(f"{step.address} is not there")
        self._put(step, operation)

    def _put(self, step: Step, operation: Operation) -> None:
        with self._lock:
            self._admit(step.address, operation)
            found = self._objects.get(step.address)
            spec = {**_left_alone(found), **(step.after or {})}
            live = Live(step.address, spec, operation.lineage, operation.generation, operation.id)
            self._objects[step.address] = live
            self._save()

    def _admit(self, address: Address, operation: Operation) -> None:
        fence = self._fences.get(address, 0)
        if operation.generation < fence:
            raise ProviderError(
                f"{address}: an operation of generation {operation.generation} is refused: {fence} was seen"
            )
        self._fences[address] = operation.generation

    def _save(self) -> None:
        if self._file:
            _write(self._file, self._objects, self._fences)


def _left_alone(found: Live | None) -> Mapping[str, Any]:
    """Traffic that a step says nothing of stays with whoever set it."""
    spec = found.spec if found else {}
    return {name: spec[name] for name in ("traffic", "mirror_traffic") if name in spec}


def _read(file: Path) -> tuple[dict[Address, Live], dict[Address, int]]:
    try:
        held = json.loads(file.read_bytes())
        objects = {Address.parse(text): _live(text, fields) for text, fields in held["objects"].items()}
        fences = {Address.parse(text): int(generation) for text, generation in held["fences"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise ProviderError(f"{file} does not hold the objects of a memory target: {error}") from error
    return objects, fences


def _live(text: str, fields: Mapping[str, Any]) -> Live:
    spec = unsealed(fields["spec"])
    return Live(Address.parse(text), spec, fields["lineage"], fields["generation"], fields["operation"])


def _write(file: Path, objects: Mapping[Address, Live], fences: Mapping[Address, int]) -> None:
    """Write the whole file anew and rename it, so that a reader finds the old one or the new one."""
    held = {
        "objects": {
            str(address): {
                "lineage": live.lineage,
                "generation": live.generation,
                "operation": live.operation,
                "spec": sealed(live.spec),
            }
            for address, live in sorted(objects.items())
        },
        "fences": {str(address): generation for address, generation in sorted(fences.items())},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with fresh.open("w") as stream:
        os.fchmod(stream.fileno(), 0o600)
        json.dump(held, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
