"""A look that found no drift is remembered, so that the next one reads what is live of no more than has changed since.

It hangs on what is recorded and what is live alone. The record being as it was, an object with the digest that it had
then has not drifted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reconciler.apply import InTime, Pace
from reconciler.core.address import Address
from reconciler.core.state import Live, State
from reconciler.frozen import dataclass
from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.caching.shaped_rows import of_json, read_values
from reconciler.providers.provider import Renewing, ServedSource
from reconciler.providers.rooted import Rooted
from reconciler.record.root import Root
from reconciler.remembering.inputs import code_of, sealed
from reconciler.remembering.rows import written
from reconciler.remembering.wholeness import facts_of_record, is_whole
from reconciler.workspace import Workspace

_TABLE = "drifts"
_TOLD = {"record": {}, "live": str, "lying": str}
_OBJECTS = {"live": str, "digests": {str: str}}


@dataclass(frozen=True)
class DriftLook:
    """A look for drift that may be remembered.

    Args:
        workspace: the target.
        record: what is recorded, as that was before anything else was read.
        live: what is live, likewise.
        lying: what the disk says of the record's files, likewise.
        place: under what it is kept.
        eyes: with which the live side is looked at.
    """

    workspace: Workspace
    record: Root
    live: str
    lying: str
    place: str
    eyes: InTime

    def narrowed(self) -> tuple[State, Sequence[Live]] | None:
        """What is recorded and live of all that may have drifted since the look that was kept; None where none was."""
        held = self._held(self.place, _TOLD)
        if held is None or held["record"] != asdict(self.record):
            return None
        if not is_whole(self.workspace, was=held["lying"], now=self.lying):
            return None
        if held["live"] == self.live:
            return State(self.record.lineage, self.record.serial), ()
        kept = self._held(self._objects, _OBJECTS)
        if kept is None or kept["live"] != held["live"]:
            return None
        was, now = kept["digests"], self._digests()
        names = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
        try:
            addresses = [Address.parse(name) for name in names]
        except ValueError:
            return None  # It was no look of ours.
        entries = self.workspace.store.some(addresses)
        return State(self.record.lineage, self.record.serial, entries), self.eyes.some(addresses)

    def keep(self, recorded: State, live: Sequence[Live]) -> None:
        """Remember that there is no drift, if neither side has changed since the look began.

        Args:
            recorded: what was looked at of the record.
            live: what was looked at of the live side.
        """
        told, entries = {"record": asdict(self.record), "live": self.live, "lying": self.lying}, recorded.entries
        # That what is above its entry is not above all that the record ever knew is told by more than the entries.
        known = {item.address: entries[item.address].generation for item in live if item.address in entries}
        if any(item.generation > known.get(item.address, -1) for item in live) or self._held(self.place, _TOLD) == told:
            return
        digests = self._digests()
        if (self.workspace.store.root(), self.eyes.root()) != (self.record, self.live):
            return
        rows = {
            self.place: told,
            self._objects: {"live": self.live, "digests": digests},
        }
        keep_rows(self.workspace.cache, _TABLE, {place: written(row) for place, row in rows.items()})

    @property
    def _objects(self) -> str:
        return f"{self.place} objects"

    def _digests(self) -> dict[str, str]:
        return {str(address): digest for address, digest in self.eyes.digests().items()}

    def _held(self, place: str, shape: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return read_values(self.workspace.cache, _TABLE, [place], lambda _, row: of_json(row, shape)).get(place)


def looking_for_drift(workspace: Workspace, pace: Pace) -> DriftLook | None:
    """Begin a look; None where the target is not known by digests, or operations are under way.

    Args:
        workspace: the target.
        pace: how long the platform may take.
    """
    provider, store = workspace.provider, workspace.store
    if workspace.cache is None or not isinstance(provider, Rooted) or isinstance(provider, Renewing | ServedSource):
        return None
    lying, record = facts_of_record(workspace), store.root()
    if record.open or not record.lineage:
        return None
    eyes = InTime(provider, pace)
    parts = (str(workspace.config.root), workspace.target, record.lineage, code_of(type(provider)))
    place = sealed(store.secret_key(), f"drift {parts!r}")
    return DriftLook(workspace, record, eyes.root(), lying, place, eyes)
