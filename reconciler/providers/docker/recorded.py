"""Objects whose files have a copy on the engine, from which they come back when the target's folder is lost."""

import hashlib
import hmac
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.errors import ProviderError
from reconciler.gateway.files import write_private
from reconciler.providers.docker.belonging import (
    Belonging,
    forget_belonging,
    keep_belonging,
    moved,
    read_belonging,
    refuse_others,
)
from reconciler.providers.docker.names import MODE, made_by
from reconciler.providers.docker.records import Record, Records
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects

# The key of the record of what the gateway's address and certificate hang on.
GATEWAY = "gateway"


@dataclass(frozen=True)
class RecordedObjects(Objects):
    """The objects of a target; the files count, and the engine gets a copy of each change.

    Reading asks nothing of the engine as long as the files are there. The first change of a process also mends what
    the engine has missed, such as while it was down.

    Args:
        mode: as what the target's instances run.
    """

    records: Records
    mode: str = "containers"
    _copying: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _compared: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _restoring: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _looked: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def get(self, address: Address) -> Object | None:
        """One object; None when there is none."""
        self._restore_lost()
        return super().get(address)

    def secrets(self, address: Address) -> dict[str, str]:
        """What an object keeps in the clear."""
        self._restore_lost()
        return super().secrets(address)

    def put(self, item: Object) -> None:
        """Store an object whole."""
        self._restore_lost()
        super().put(item)
        self._copy(str(item.address))

    def remove(self, address: Address) -> None:
        """Forget an object and its secrets; its fence stays."""
        self._restore_lost()
        super().remove(address)
        self._copy(str(address))

    def keep_secrets(self, address: Address, values: Mapping[str, str]) -> None:
        """Store an object's secrets; those of one that is about to be made are copied with it."""
        self._restore_lost()
        super().keep_secrets(address, values)
        if super().get(address):
            self._copy(str(address))

    def admit(self, address: Address, operation: Operation) -> None:
        """Let an operation in, if everything that the engine has of the project is of its state.

        Raises:
            ProviderError: another state has made some of it, the target was given another project or mode, or a younger
                operation has been here.
        """
        self._restore_lost()
        refuse_others(self.records.project, [each.lineage for each in self.records.all().values()], operation.lineage)
        if told := self.moved():
            raise ProviderError(told)
        super().admit(address, operation)
        former = read_belonging(self.folder)
        keep_belonging(self.folder, replace(self._belonging, restored=bool(former and former.restored)))

    def confirm(self) -> bool:
        """Take the files for ours, as an operation was let in; True where they had been read from the engine."""
        former = read_belonging(self.folder)
        if former is None or not former.restored:
            return False
        keep_belonging(self.folder, replace(former, restored=False))
        return True

    def moved(self) -> str:
        """What is wrong where the files are of another project or mode; empty where they are not. It asks no engine."""
        former = read_belonging(self.folder)
        return moved(former, self._belonging) if former and any(self.folder.glob("objects/*.json")) else ""

    def mirror(self) -> None:
        """Copy what the gateway's address and certificate hang on."""
        self._copy(GATEWAY)

    def _matching(self, pattern: str) -> Iterator[Object]:
        self._restore_lost()
        return super()._matching(pattern)

    def _fenced(self, address: Address) -> tuple[int, str]:
        self._restore_lost()
        return super()._fenced(address)

    @property
    def _belonging(self) -> Belonging:
        return Belonging(self.records.project, self.mode)

    @property
    def _files(self) -> dict[str, Path]:
        """The files of the gateway that are secret, by their names in its record."""
        layout = Layout(self.folder)
        both = layout.certificate.with_name("certificate-and-key.pem")
        return {path.name: path for path in (layout.signing_key, layout.certificate, both)}

    def _copy(self, key: str) -> None:
        with self._copying:
            there = self.records.all()
            if self._compared.is_set():
                self._bring(key, there.get(key))
                return
            self.records.clear()
            held = [item.address for item in super()._matching("*")]
            for each in sorted({key, GATEWAY, *there, *map(str, held)}):
                self._bring(each, there.get(each))
            self._compared.set()

    def _bring(self, key: str, there: Record | None) -> None:
        """Make a record what the files say; one of what these files never had is another checkout's."""
        found = self._wanted(key)
        if found is None:
            if there and self._had(key):
                self.records.remove(there.volumes)
            return
        body, secrets, labels = found
        kept = self.records.secrets_name(key, self._identity(secrets)) if secrets else ""
        wanted = Record(key, body, kept)
        if there is None or (there.body, there.secrets) != (body, kept) or len(there.volumes) != 1 + bool(kept):
            self.records.put(wanted, labels, secrets, there)

    def _wanted(self, key: str) -> tuple[str, Mapping[str, str], Mapping[str, str]] | None:
        """The body of a record, its secrets and further labels; None where there is to be none."""
        if key != GATEWAY:
            held = super().get(Address.parse(key))
            if held is None:
                return None
            by = made_by(held.address, Operation(held.operation, held.lineage, held.generation))
            body = self._path("objects", held.address).read_text()
            return body, super().secrets(held.address), {**by, MODE: self.mode}
        facts = Layout(self.folder).gateway_facts
        if not facts.exists() or not any(super()._matching("*")):
            return None
        return facts.read_text(), {name: path.read_text() for name, path in self._files.items() if path.exists()}, {}

    def _had(self, key: str) -> bool:
        """Whether there ever was such a thing here: an object's fence stays when it goes, and the gateway's port."""
        if key == GATEWAY:
            return Layout(self.folder).gateway_facts.exists()
        return self._path("fences", Address.parse(key)).exists()

    def _identity(self, secrets: Mapping[str, str]) -> str:
        """What tells these secrets from others to whoever has this target's files, and nobody else."""
        file = self.folder / "records.key"
        if not file.exists():
            write_private(file, os.urandom(32))
        return hmac.new(
            file.read_bytes(), json.dumps(dict(secrets), sort_keys=True).encode(), hashlib.sha256
        ).hexdigest()[:24]

    def _restore_lost(self) -> None:
        """Have the files again where there is not even a folder for them; an empty one says that there is nothing."""
        objects = self.folder / "objects"
        if self._looked.is_set() and objects.is_dir():
            return
        with self._restoring:
            self._drop_misled()
            self._looked.set()
            if objects.is_dir():
                return
            fresh = self.folder / f".objects-{os.urandom(4).hex()}"
            fresh.mkdir(parents=True, mode=0o700)
            try:
                found = self.records.all()
                for record in found.values():
                    self._restore(record, fresh)
                if found:
                    mode = max(record.mode for record in found.values())
                    keep_belonging(self.folder, Belonging(self.records.project, mode, restored=True))
                fresh.rename(objects)
            except OSError:
                # Where another process was faster, what it has restored is the same.
                if not objects.is_dir():
                    raise
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def _drop_misled(self) -> None:
        """Drop what was only read from the engine where the target was given another project since: it is not ours."""
        former = read_belonging(self.folder)
        if former is None or not former.restored or former.project == self.records.project:
            return
        for part in ("secrets", "fences", "objects"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        for path in (*self._files.values(), Layout(self.folder).gateway_facts):
            path.unlink(missing_ok=True)
        forget_belonging(self.folder)

    def _restore(self, record: Record, objects: Path) -> None:
        """Write what a record says; one whose secrets somebody removed is as good as none."""
        secrets = self.records.secrets(record) if record.body else None
        if secrets is None:
            return
        if record.key == GATEWAY:
            for name, path in self._files.items():
                if name in secrets:
                    _write_missing(path, secrets[name])
            _write_missing(Layout(self.folder).gateway_facts, record.body)
            return
        address, made = Address.parse(record.key), json.loads(record.body)
        if secrets:
            _write_missing(self._path("secrets", address), json.dumps(secrets))
        _write_missing(self._path("fences", address), json.dumps([made["generation"], made["lineage"]]))
        write_private(objects / self._path("objects", address).name, record.body.encode())


def _write_missing(path: Path, text: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, text.encode())
