"""A whole record as one document: versioned, protected by a digest, secrets as digests alone."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from reconciler.core.address import Address
from reconciler.core.inverse import inverse_from, inverse_json
from reconciler.core.manifest import Spec
from reconciler.core.secret import sealed, unsealed
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record.files import lay_down, read_bounded
from reconciler.record.sealing import Bond, SealKeys, opened_document, sealed_document
from reconciler.record.store import Intent, Journalled, Record, run_from

FORMAT = "mlops state"
VERSION = 2
_BEFORE_INVERSES = 1
_PLACE = "record"
_NO_KEYS = SealKeys()

_Part = TypeVar("_Part")


def record_text(record: Record, keys: SealKeys = _NO_KEYS) -> str:
    """The document of a record, sealed where there is a key; equal records have equal documents in the clear."""
    held = {"format": FORMAT, "version": VERSION, **_record_json(record)}
    held = {**held, "digest": _digest(held)}
    sealed_ = sealed_document(json.dumps(held), keys, Bond(record.state.lineage, record.state.serial, _PLACE))
    return json.dumps({"format": FORMAT, "version": VERSION, **sealed_} if sealed_ else held, indent=1) + "\n"


def _record_json(record: Record) -> dict[str, Any]:
    state = record.state
    return {
        "target": record.target,
        "lineage": state.lineage,
        "serial": state.serial,
        "key": record.key,
        "entries": [_entry_json(address, state.entries[address]) for address in sorted(state.entries)],
        "generations": {str(address): number for address, number in sorted(record.generations.items())},
        "operations": [_operation_json(item) for item in record.operations],
        "runs": [asdict(run) for run in record.runs],
        "inverses": {run: inverse_json(inverse) for run, inverse in sorted(record.inverses.items())},
    }


def record_of(text: str | bytes, name: str, keys: SealKeys = _NO_KEYS) -> Record:
    """The record of a document.

    Args:
        text: the document.
        name: where it comes from, for messages.
        keys: those that are given.

    Raises:
        StateError: it is no such document, of a newer version, not as it was written, or does not open.
    """
    held = _held(text, name)
    if (opened := opened_document(held, keys, place=_PLACE, name=name)) is not None:
        held = _held(opened, name)
    if held.get("digest") != _digest({key: value for key, value in held.items() if key != "digest"}):
        raise _damaged(name, "it does not fit its digest")
    try:
        record = Record(
            target=str(held["target"]),
            state=State(str(held["lineage"]), int(held["serial"]), dict(map(_entry, held["entries"]))),
            key=str(held["key"]),
            operations=tuple(map(_operation, held["operations"])),
            runs=tuple(map(run_from, held["runs"])),
            inverses={run: inverse_from(inverse) for run, inverse in held.get("inverses", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(name, f"{error} is missing or wrong") from error
    if held["generations"] != {str(address): number for address, number in record.generations.items()}:
        raise _damaged(name, "its generations are not those of its operations")
    return record


def _held(text: str | bytes, name: str) -> Mapping[str, Any]:
    try:
        held = json.loads(text)
        found = held["format"], held["version"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(f"{name}: this is no record; `mlops state export {name}` writes one") from error
    if found[0] != FORMAT:
        raise StateError(f"{name}: this is no record; `mlops state export {name}` writes one")
    if found[1] not in (VERSION, _BEFORE_INVERSES):
        raise StateError(
            f"{name}: E-STATE-NEWER: record of version {found[1]}, this tool knows {VERSION}; upgrade mlops"
        )
    return held  # type: ignore[no-any-return] # a mapping, as it has a format


def _damaged(name: str, what: str) -> StateError:
    return StateError(f"{name}: E-STATE-DAMAGED: the record is not as it was written: {what}; export it again")


def _digest(held: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(held, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _entry_json(address: Address, entry: Entry) -> dict[str, Any]:
    facts: dict[str, Any] = {"generation": entry.generation, "operation": entry.operation, "created": entry.created}
    facts |= {"labels": dict(entry.labels)} if entry.labels else {}
    return {"address": str(address), "spec": sealed(entry.spec), **facts}


def _entry(held: Mapping[str, Any]) -> tuple[Address, Entry]:
    facts = {name: held[name] for name in ("generation", "operation", "created")}
    return Address.parse(held["address"]), Entry(unsealed(held["spec"]), **facts, labels=held.get("labels", {}))


def _operation_json(item: Journalled) -> dict[str, Any]:
    intent = item.intent
    told = {
        "address": str(intent.address),
        "before": _spec_json(intent.before),
        "after": _spec_json(intent.after),
        "outcome": item.outcome,
        "message": item.message,
        "finished": item.finished,
    }
    return {field.name: getattr(intent, field.name) for field in fields(intent)} | told


def _operation(held: Mapping[str, Any]) -> Journalled:
    end = {name: held[name] for name in ("outcome", "message", "finished")}
    intent = _made(Intent, {name: value for name, value in held.items() if name not in end})
    address = Address.parse(held["address"])
    before, after = _spec(held["before"]), _spec(held["after"])
    return Journalled(replace(intent, address=address, before=before, after=after), **end)


def _made(kind: Callable[..., _Part], held: Mapping[str, Any]) -> _Part:
    return kind(**held)


def _spec_json(spec: Spec | None) -> Any:
    return None if spec is None else sealed(spec)


def _spec(held: Any) -> Spec | None:
    return None if held is None else unsealed(held)


def save_record(file: Path, record: Record, keys: SealKeys = _NO_KEYS) -> None:
    """Write the document of a record, for its owner alone, whole or not at all.

    Raises:
        StateError: it cannot be written.
    """
    try:
        lay_down(file, lambda temporary: _write(temporary, record_text(record, keys)), over=True)
    except OSError as error:
        raise StateError(f"{file}: the record cannot be written: {error.strerror}") from error


def saved_record(file: Path, keys: SealKeys = _NO_KEYS) -> Record:
    """The record that a file holds.

    Raises:
        StateError: it cannot be read, or is none.
    """
    try:
        return record_of(read_bounded(file), str(file), keys)
    except OSError as error:
        raise StateError(f"{file}: the record cannot be read: {error.strerror}") from error


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="ascii")
