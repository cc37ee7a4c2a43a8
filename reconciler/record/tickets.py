"""Operations that nobody waits for: each has a file, locked while its worker lives, and kept where it failed.

The name of a ticket is its place in the line of the target. The kernel lets the lock go when a worker is killed, so a
ticket that says nothing of an end and is not locked was cut off.
"""

import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.secret import sealed, unsealed
from reconciler.errors import StateError
from reconciler.frozen import dataclass
from reconciler.record.files import lay_down, private_folder
from reconciler.record.lock import LockFile, file_holder, wait_until_taken
from reconciler.record.sealing import Bond, SealError, SealKey, SealKeys

CUT_OFF = "cut off before it was done; the next run settles what was under way"
_MOST_FAILED = 100
_LOOKS_S = 5.0
_UNKNOWN: Mapping[str, Any] = {"aims": {}, "why": ""}


@dataclass(frozen=True)
class Aim:
    """What an operation is to do to one resource.

    Args:
        state: the provisioning state meanwhile: Creating, Updating, Scaling, Deleting.
        spec: what it will be; empty where that is not known yet.
    """

    state: str
    spec: Spec = field(default_factory=dict)


@dataclass(frozen=True)
class Ticket:
    """An operation that nobody waits for.

    Args:
        file: where it is written down.
        holder: whose it is: `user`, `host`, `pid`, `command`, `started`.
        aims: by address.
        alive: whether its worker lives.
        why: it failed; empty while it is queued or at work.
    """

    file: Path
    holder: Mapping[str, str | int]
    aims: Mapping[Address, Aim]
    alive: bool
    why: str = ""

    @property
    def log(self) -> Path:
        """Where its worker says what a command says on a terminal."""
        return self.file.with_suffix(".log")


class Held:
    """The ticket of this process, in its hand."""

    def __init__(self, ticket: Ticket, lock: LockFile, key: SealKey | None) -> None:
        self.ticket, self._lock, self._key = ticket, lock, key

    def fail(self, why: str) -> None:
        """Leave it for whoever asks how it went."""
        self._lock.write(_text(replace(self.ticket, why=why), self._key))
        self._lock.close()

    def done(self) -> None:
        """Take it away, with its log: the history of the target has the rest."""
        _remove(self.ticket)
        self._lock.close()


class Line:
    """The tickets of one target, in the order in which they were taken.

    Args:
        folder: where they are; made when the first is taken.
        keys: under which they are kept, as the record is.
    """

    def __init__(self, folder: Path, keys: SealKeys) -> None:
        self._folder, self._keys = folder, keys

    def join(self, holder: Mapping[str, str | int], aims: Mapping[Address, Aim]) -> Held:
        """Take a ticket; what failed on its addresses before is no longer of interest.

        Args:
            holder: the facts of this process.
            aims: what is to be done, by address.

        Raises:
            OSError: it cannot be written down.
            StateError: likewise.
        """
        private_folder(private_folder(self._folder.parent) / self._folder.name)
        self.forget(aims)
        for old in self._failed()[:-_MOST_FAILED]:
            _remove(old)
        last = max((int(file.stem.partition("-")[0]) for file in self._files()), default=0)
        file = self._folder / f"{last + 1:08}-{os.urandom(4).hex()}.json"
        ticket, lock = Ticket(file, holder, aims, alive=True), LockFile(file)
        try:
            _locked(lock, file)
            lock.write(_text(ticket, self._keys.current))
        except BaseException:
            file.unlink(missing_ok=True)
            lock.close()
            raise
        return Held(ticket, lock, self._keys.current)

    def tickets(self) -> Iterator[Ticket]:
        """All of them."""
        found = (_ticket(file, self._keys) for file in self._files())
        return (each for each in found if each)

    def ahead(self, name: str = "") -> list[Ticket]:
        """The living ones before the one of a name; all of them where that is empty."""
        return [each for each in self.tickets() if each.alive and (not name or each.file.name < name)]

    def forget(self, addresses: Collection[Address]) -> None:
        """Have nobody told any more what failed on these addresses."""
        for ticket in self._failed():
            left = {address: aim for address, aim in ticket.aims.items() if address not in addresses}
            if not left:
                _remove(ticket)
            elif len(left) < len(ticket.aims):
                text = _text(replace(ticket, aims=left), self._keys.current)
                lay_down(ticket.file, partial(_fill, text), over=True)

    def _failed(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets() if not ticket.alive]

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*-*.json"))


def _locked(lock: LockFile, file: Path) -> None:
    """Lock a fresh file; a look at who holds it, which itself has it, shared, for microseconds, is waited out."""
    if not wait_until_taken(lock.take, _LOOKS_S, sleep=time.sleep, now=time.monotonic):
        raise StateError(f"{file}: somebody else has locked it; run this again")


def is_alive(ticket: Ticket) -> bool:
    """Whether its worker lives at the moment."""
    return file_holder(ticket.file) is not None


def _ticket(file: Path, keys: SealKeys) -> Ticket | None:
    """What a file says; None where it was taken away meanwhile, is not written yet, or is none of ours."""
    alive = file_holder(file) is not None
    try:
        held = json.loads(file.read_bytes())
        body = _opened(file, held, keys)
        aims = {Address.parse(name): Aim(aim["state"], unsealed(aim["spec"])) for name, aim in body["aims"].items()}
        why = str(body["why"]) or ("" if alive else CUT_OFF)
        return Ticket(file, dict(held["holder"]), aims, alive, why)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _opened(file: Path, held: Mapping[str, Any], keys: SealKeys) -> Any:
    """What it is to do and how that failed; nothing where it was sealed under a key that is not given."""
    if "key" not in held:
        return held["body"]
    key = keys.known(held["key"])
    try:
        return json.loads(key.open(held["body"], _bond(file))) if key else _UNKNOWN
    except SealError:
        return _UNKNOWN


def _text(ticket: Ticket, key: SealKey | None) -> str:
    aims = {str(name): {"state": aim.state, "spec": sealed(aim.spec)} for name, aim in ticket.aims.items()}
    body = {"aims": aims, "why": ticket.why}
    held: dict[str, Any] = {"holder": dict(ticket.holder), "body": body}
    if key:
        held |= {"key": key.id, "body": key.seal(json.dumps(body), _bond(ticket.file))}
    return json.dumps(held) + "\n"


def _bond(file: Path) -> Bond:
    return Bond("", 0, f"ticket {file.stem}")


def _fill(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")


def _remove(ticket: Ticket) -> None:
    ticket.file.unlink(missing_ok=True)
    ticket.log.unlink(missing_ok=True)
