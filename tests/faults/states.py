"""What a later run can know of those before it, as a value: two disks of one state are one case."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.secret import sealed
from reconciler.errors import MlopsError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.sqlite import SqliteStore


def state_of(folder: Path) -> str:
    """Record, open journal, generations, live objects and fences below a folder, and whether the last line is whole.

    Ids are numbered as they appear, since what they are makes no difference.
    """
    live = folder / "live.jsonl"
    try:
        return _readable_state(folder, live)
    except MlopsError as error:
        return str(error)


def _readable_state(folder: Path, live: Path) -> str:
    provider, store = MemoryProvider(live), SqliteStore(folder / ".mlops" / "state.db", "dev")
    try:
        facts = {**_facts(provider, store), "whole": live.read_bytes().endswith(b"\n")}
        return _renamed(json.dumps(facts, sort_keys=True), _ids(provider, store))
    finally:
        store.close()


def _facts(provider: MemoryProvider, store: SqliteStore) -> Mapping[str, Any]:
    entries = store.read().entries
    objects = {item.address: item for item in provider.list()}
    addresses = sorted({*entries, *objects, *provider.fences()})
    return {
        "entries": [[str(a), sealed(e.spec), e.generation, e.operation] for a, e in sorted(entries.items())],
        "open": [
            [i.operation, i.action, str(i.address), sealed(i.before), sealed(i.after), i.generation]
            for i in store.unfinished()
        ],
        "generations": [[str(a), store.generation(a), provider.fences().get(a, 0)] for a in addresses],
        "live": [[str(a), sealed(o.spec), o.lineage, o.generation, o.operation] for a, o in sorted(objects.items())],
    }


def _ids(provider: MemoryProvider, store: SqliteStore) -> list[str]:
    known = [entry.operation for _, entry in sorted(store.read().entries.items())]
    known += [intent.operation for intent in store.unfinished()]
    return list(dict.fromkeys([*known, *(item.operation for item in sorted(provider.list(), key=lambda i: i.address))]))


def _renamed(text: str, ids: list[str]) -> str:
    for number, name in enumerate(ids):
        text = text.replace(name, f"op-{number}")
    return text
