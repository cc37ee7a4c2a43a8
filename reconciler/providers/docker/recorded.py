"""Objects whose files have a copy on the engine, from which they come back when the target's folder is lost."""

import hashlib
import hmac
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.gateway.files import write_private
from reconciler.providers.docker.names import made_by
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
    """

    records: Records
    _copying: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _compared: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _restoring: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

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
            labels = made_by(held.address, Operation(held.operation, held.lineage, held.generation))
            return self._path("objects", held.address).read_text(), super().secrets(held.address), labels
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
        if objects.is_dir():
            return
        with self._restoring:
            if objects.is_dir():
                return
            fresh = self.folder / f".objects-{os.urandom(4).hex()}"
            fresh.mkdir(parents=True, mode=0o700)
            try:
                for record in self.records.all().values():
                    self._restore(record, fresh)
                fresh.rename(objects)
            except OSError:
                # Where another process was faster, what it has restored is the same.
                if not objects.is_dir():
                    raise
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

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
