"""What a project's objects are, kept on the engine itself: one labelled volume each, secrets in a volume of their own.

Volumes, because `docker system prune` spares them, and making one takes two milliseconds. Labels never change, so each
change makes a new volume with a higher number and then removes the older ones: the highest number counts.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.providers.docker.archives import tar_of_private
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import LINEAGE, MODE, Names
from reconciler.providers.docker.volumes import Volumes

KIND = "record"
KEY, BODY, SEQUENCE = "mlops.record", "mlops.body", "mlops.sequence"
# The volume with a record's secrets; their digest must not be known to whoever may list volumes.
SECRETS = "mlops.secrets"
_FILE = "secrets.json"


@dataclass(frozen=True)
class Record:
    """One record, as the engine has it.

    Args:
        key: what it is of, such as an address.
        body: a text; empty where there are only leavings of one that was never made.
        secrets: the volume that holds its secrets; empty where it has none.
        volumes: all that belong to it, those of former records that were not yet removed included, the oldest first.
        lineage: the state that the object is of; empty where it is of none.
        mode: as what the target's instances run; empty where the record does not say.
    """

    key: str
    body: str
    secrets: str = ""
    sequence: int = 0
    volumes: tuple[str, ...] = ()
    lineage: str = ""
    mode: str = ""


class Records:
    """The records of a project. Whoever changes some holds the target's lock, and does so in one thread at a time."""

    def __init__(self, engine: Engine, names: Names) -> None:
        self._names, self._volumes = names, Volumes(engine, names, KIND)

    @property
    def project(self) -> str:
        """The project that they are of."""
        return self._names.project

    def all(self) -> dict[str, Record]:
        """Every record by its key, in one call."""
        labels = {volume: own for volume, own in self._volumes.labels().items() if KEY in own}
        found: dict[str, Record] = {}
        for volume in sorted(labels, key=lambda name: int(labels[name].get(SEQUENCE, 0))):
            found[labels[volume][KEY]] = _with(found.get(labels[volume][KEY]), volume, labels[volume])
        return found

    def secrets_name(self, key: str, identity: str) -> str:
        """The volume for a record's secrets.

        Args:
            identity: differs whenever they do, and tells nothing of them.
        """
        return self._names.of(KIND, f"{_short(key)}-secrets-{identity}")

    def put(self, wanted: Record, labels: Mapping[str, str], secrets: Mapping[str, str], former: Record | None) -> None:
        """Put a record in the place of a former one.

        Args:
            wanted: its key, its body, and the volume that is to hold the secrets.
            labels: what else it tells whoever lists volumes.
            secrets: filled into their volume, unless the former record has the same.
        """
        there = former.volumes if former else ()
        if wanted.secrets and not (former and former.secrets == wanted.secrets in there):
            self._keep(wanted, secrets)
        sequence = former.sequence + 1 if former else 1
        name = self._names.of(KIND, f"{_short(wanted.key)}-{sequence}")
        own = {KEY: wanted.key, BODY: wanted.body, SECRETS: wanted.secrets, SEQUENCE: str(sequence)}
        self._volumes.mark(name, **labels, **own)
        self.remove(volume for volume in there if volume != wanted.secrets)

    def remove(self, volumes: Iterable[str]) -> None:
        """Remove volumes of records, the oldest first."""
        for volume in volumes:
            self._volumes.remove(volume)

    def secrets(self, record: Record) -> dict[str, str] | None:
        """The secrets of a record; None where somebody removed their volume."""
        if not record.secrets:
            return {}
        text = self._volumes.read(record.secrets, _FILE) if record.secrets in record.volumes else None
        found: dict[str, str] | None = json.loads(text) if text else None
        return found

    def clear(self) -> None:
        """Remove what a process that was killed left of its work, or one that read what another removed meanwhile."""
        self._volumes.clear_handling()
        self.remove(volume for volume, own in self._volumes.labels().items() if KEY not in own)

    def _keep(self, wanted: Record, secrets: Mapping[str, str]) -> None:
        content = json.dumps(dict(secrets), sort_keys=True).encode()
        archive = tar_of_private({f"0/{_FILE}": content})
        with self._volumes.filled([wanted.secrets], archive, **{KEY: wanted.key}):
            pass


def _with(former: Record | None, volume: str, labels: Mapping[str, str]) -> Record:
    """A record with one more of its volumes, which are taken in their order."""
    former = former or Record(labels[KEY], "")
    volumes = (*former.volumes, volume)
    if BODY not in labels:
        return replace(former, volumes=volumes)
    told = labels.get(LINEAGE, ""), labels.get(MODE, "")
    return Record(former.key, labels[BODY], labels[SECRETS], int(labels[SEQUENCE]), volumes, *told)


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:20]
