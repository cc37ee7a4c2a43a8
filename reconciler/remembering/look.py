"""One look at a target: whether what it finds is known from an earlier one, and what later ones are to know of it.

Of a look that found something to do it is kept where: a later one looks at that anew, and knows all else.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.apply import InTime, Pace, unfinished
from reconciler.core.address import Address
from reconciler.core.problem import Problem
from reconciler.core.state import Live, State
from reconciler.errors import MlopsError
from reconciler.frozen import dataclass
from reconciler.load import Loaded
from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.caching.parted import ForgottenError
from reconciler.load.disk.named import Seen, seen_at
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.looked import ABSENT
from reconciler.remembering.inputs import Inputs, inputs_of, is_usual, may_be_in_parts, place_of, secrets_now
from reconciler.remembering.rows import TABLE, contents_of, head_of, planned_of, told, written
from reconciler.remembering.settled import finds_nothing, settled_of, unsettled_of
from reconciler.remembering.wholeness import is_whole
from reconciler.telemetry import span
from reconciler.wishes import Planned, Wish
from reconciler.workspace import SeenManifests, Workspace

if TYPE_CHECKING:
    from reconciler.remembering.known import Known
    from reconciler.remembering.part import Part

_NONE: Mapping[str, str] = {}
_NOTHING = Seen(ABSENT, ABSENT)


@dataclass(frozen=True)
class Look:
    """A look that may be remembered.

    Args:
        workspace: the target.
        wish: what is asked for.
        besides: what is wrong with other files than the manifests.
        inputs: what it hangs on, as that was before anything else was read.
        place: under what it is kept.
        key: of the record's secrets.
        index: of what files hold.
    """

    workspace: Workspace
    wish: Wish
    besides: Sequence[Problem]
    inputs: Inputs
    place: str
    key: bytes
    index: StatIndex

    def again(self, *, alone: bool) -> Planned | None:
        """The plan of the look that was kept, where everything is as it was; None where it is not, or none was.

        Args:
            alone: whether the caller holds the target's lock.
        """
        held = head_of(self.workspace.cache, self.place)
        if held is None or held["unsettled"] or held["inputs"] != self.inputs.told() or self._moved(held) != []:
            return None
        intents, who = unfinished(self.workspace.store)
        if intents or not self._is_whole(held):
            return None
        try:
            planned = planned_of(held["planned"], self.workspace.target.name, self.inputs.record)
        except ValueError:
            return None  # It was no plan of ours.
        self.workspace.contents.update(contents_of(held["planned"]))
        self.workspace.seen = self._saw(held["count"], held["looked"])
        return replace(planned, plan=replace(planned.plan, holder=None if alone else who))

    def part(self) -> "Part | None":
        """What differs from the look that was kept, with all that it may reach; None where that is not known."""
        held = head_of(self.workspace.cache, self.place)
        moved = self._moved(held) if held and held["in_parts"] else None
        if held is None or moved is None or not may_be_in_parts(self.workspace, self.wish):
            return None
        if held["inputs"]["record"] == self.inputs.told()["record"] and not self._is_whole(held):
            return None
        from reconciler.remembering.known import kept_known  # noqa: PLC0415 - nothing differs for most plans
        from reconciler.remembering.part import part_of  # noqa: PLC0415 - as above

        try:
            known = kept_known(self.workspace.cache, held)
            return part_of(self.workspace, self.wish, self.inputs, held, known, moved)
        except (MlopsError, LookupError, ValueError, OSError):
            return None  # The stages say what is wrong, in their order; and what was kept may be no look of ours.

    def holds(self) -> bool:
        """Whether nobody has recorded anything since the look began."""
        return self.workspace.store.root() == self.inputs.record

    def keep(self, planned: Planned, loaded: Loaded, recorded: State, live: Sequence[Live]) -> None:
        """Remember a plan that found little to do, if nothing that it hangs on has changed since the look began."""
        from reconciler.remembering.known import are_few, known_of  # noqa: PLC0415 - as above

        unsettled, plan = unsettled_of(planned), planned.plan
        if plan.recovery or plan.offline or not are_few(len(unsettled), len(loaded.digests)):
            return
        if not self._is_settled(loaded, recorded, live):
            return
        known = known_of(loaded, recorded, live)
        settled = settled_of(planned, unsettled, recorded) if unsettled else planned
        if settled and (not unsettled or known.is_little(unsettled)):
            looked, secrets, names = loaded.looked, loaded.secrets, loaded.names
            self._keep(settled, known, looked=looked, secrets=secrets, names=names, unsettled=unsettled)

    def keep_part(self, planned: Planned, part: "Part") -> None:
        """The same of a plan of which a part was made anew."""
        if not finds_nothing(planned) or not self._is_settled(part.loaded, part.recorded, part.live, part.files):
            return
        with suppress(ForgottenError):  # Then the next plan goes the long way.
            looked, secrets, names = part.loaded.looked, part.secrets, part.names
            self._keep(planned, part.known, looked=looked, beside=part.looked, secrets=secrets, names=names)

    def _keep(
        self,
        planned: Planned,
        known: "Known",
        *,
        looked: Mapping[str, str],
        secrets: Collection[str],
        names: Mapping[str, str],
        beside: Mapping[str, str] = _NONE,
        unsettled: Collection[Address] = (),
    ) -> None:
        from reconciler.remembering.known import keep, with_digests  # noqa: PLC0415 - as above

        seen, rows, objects = self._seen({*looked, *beside}), self.workspace.store.digests(), self.inputs.eyes.digests()
        if seen is None or any(seen[place].content != digest for place, digest in looked.items()):
            return
        if any(seen[place].everything != was for place, was in beside.items()):
            return
        if not self.holds() or self.inputs.eyes.root() != self.inputs.live:
            return
        in_parts = self._is_told_by_files(planned, names) and self.inputs.record.is_of(rows.values())
        if unsettled and not in_parts:
            return
        lying = {place: each.everything for place, each in seen.items()}
        head = {
            "inputs": self.inputs.told(),
            "lying": self.inputs.lying,
            "unsettled": sorted(map(str, unsettled)),
            "looked": lying,
            "secrets": secrets_now(secrets, os.environ, self.key),
            "planned": told(planned, self.workspace.contents.values(), names),
            "in_parts": in_parts,
        }
        keep(self.workspace.cache, self.place, head, with_digests(known, rows, objects))
        self.workspace.seen = None if unsettled else self._saw(known.count, lying)

    def _is_whole(self, held: Mapping[str, Any]) -> bool:
        """Whether the record is whole; where all of it had to be read for that, the next look need not."""
        was, now = held["lying"], self.inputs.lying
        found = is_whole(self.workspace, was=was, now=now)
        if found and was != now:
            keep_rows(self.workspace.cache, TABLE, {self.place: written({**held, "lying": now})})
        return found

    def _saw(self, count: int, places: Mapping[str, str]) -> SeenManifests:
        inputs = self.inputs
        return SeenManifests(inputs.files.id, count, inputs.bounds, places, inputs.record, inputs.live)

    def _is_settled(
        self, loaded: Loaded, recorded: State, live: Sequence[Live], files: Collection[str] | None = None
    ) -> bool:
        """Whether what was looked at is what there was when the look began, and all that the plan hangs on.

        Args:
            loaded: what was read of files, which may have held something else for a moment.
            recorded: what was looked at of the record.
            live: what was looked at of the live side.
            files: the names of the files that are meant; None for all that there are.
        """
        from reconciler.diff.drift import newer  # noqa: PLC0415 - as above

        # A live object newer than its entry may be of another record: past operations tell that, and no digest does.
        if any(item.underway for item in live) or newer(recorded, live, lambda _address: -1):
            return False
        try:
            held, linked = self.inputs.files.blobs(), self.inputs.files.has_links()
            # A link may have led elsewhere meanwhile, to the same content.
            if linked and inputs_of(self.workspace, self.wish, self.inputs.eyes, self.index) != self.inputs:
                return False
        except OSError:
            return False
        return loaded.blobs == (held if files is None else {name: held[name] for name in files if name in held})

    def _is_told_by_files(self, planned: Planned, names: Mapping[str, str]) -> bool:
        """Whether each warning is of one file, and each recorded resource is wanted or registered by command."""
        plan, strange = planned.plan, {each for each in planned.warnings if each.file not in names}
        counted = plan.unchanged + len(plan.by_command) == self.inputs.record.entries
        return counted and strange <= set(self.besides)

    def _moved(self, held: Mapping[str, Mapping[str, str]]) -> list[str] | None:
        """The places that do not hold what they did when manifests led there; None where that cannot be told."""
        if secrets_now(held["secrets"], os.environ, self.key) != held["secrets"]:
            return None
        if (seen := self._seen(held["looked"])) is None:
            return None
        return [place for place, was in held["looked"].items() if seen[place].everything != was]

    def _seen(self, places: Collection[str]) -> Mapping[str, Seen] | None:
        """What lies at places now; None where nobody can say."""
        try:
            found = seen_at(places, self.index, self.inputs.bounds)
        except OSError:
            return None
        strange = any(place not in found and os.path.lexists(place) for place in places)
        return None if strange else {place: found.get(place, _NOTHING) for place in places}


def looking(workspace: Workspace, wish: Wish, pace: Pace, besides: Sequence[Problem]) -> Look | None:
    """Begin a look; None where it is one that is not remembered.

    Args:
        workspace: the target.
        wish: what is asked for.
        pace: how long the platform may take.
        besides: what is wrong with other files than the manifests.
    """
    if not is_usual(workspace, wish):
        return None
    eyes, index = InTime(workspace.provider, pace), StatIndex(workspace.cache)
    with span("compare"):
        try:
            key, inputs = workspace.store.secret_key(), inputs_of(workspace, wish, eyes, index)
        except (MlopsError, OSError):
            return None  # The stages say what is wrong, in their order.
        if inputs is None:
            return None
        place = place_of(workspace, wish, besides, inputs.record.lineage, key)
    return Look(workspace, wish, besides, inputs, place, key, index)
