"""One look at a target: whether what it finds is known from an earlier one, and what later ones are to know of it."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.apply import InTime, Pace, unfinished
from reconciler.core.problem import Problem
from reconciler.core.state import Live
from reconciler.errors import MlopsError
from reconciler.load import Loaded
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.looked import ABSENT
from reconciler.load.named import Seen, seen_at
from reconciler.load.stat_index import StatIndex
from reconciler.remembering.inputs import Inputs, inputs_of, is_usual, place_of, secrets_now
from reconciler.remembering.rows import contents_of, planned_of, read, told, written
from reconciler.telemetry import span
from reconciler.wishes import Planned, Wish
from reconciler.workspace import Workspace

_TABLE = "looks"
_NOTHING = Seen(ABSENT, ABSENT)


@dataclass(frozen=True)
class Look:
    """A look that may be remembered.

    Args:
        workspace: the target.
        wish: what is asked for.
        inputs: what it hangs on, as that was before anything else was read.
        place: under what it is kept.
        key: of the record's secrets.
        eyes: with which the live side is looked at.
        index: of what files hold.
    """

    workspace: Workspace
    wish: Wish
    inputs: Inputs
    place: str
    key: bytes
    eyes: InTime
    index: StatIndex

    def again(self, *, alone: bool) -> Planned | None:
        """The plan of the look that was kept, where everything is as it was; None where it is not, or none was.

        Args:
            alone: whether the caller holds the target's lock.
        """
        row = read_rows(self.workspace.cache, _TABLE, [self.place]).get(self.place)
        held = read(row) if row else None
        if held is None or held["inputs"] != self.inputs.told() or not self._is_as_it_was(held):
            return None
        intents, who = unfinished(self.workspace.store)
        if intents:
            return None
        self.workspace.contents.update(contents_of(held["planned"]))
        planned = planned_of(held["planned"], self.workspace.target.name, self.inputs.record)
        return replace(planned, plan=replace(planned.plan, holder=None if alone else who))

    def keep(self, planned: Planned, loaded: Loaded, live: Sequence[Live]) -> None:
        """Remember a plan that found nothing to do, if nothing that it hangs on has changed since the look began."""
        if not _finds_nothing(planned) or any(item.underway for item in live):
            return
        seen = self._seen(loaded.looked)
        if seen is None or any(seen[place].content != digest for place, digest in loaded.looked.items()):
            return
        if inputs_of(self.workspace, self.wish, self.eyes, self.index) != self.inputs:
            return
        held = {
            "inputs": self.inputs.told(),
            "looked": {place: each.everything for place, each in seen.items()},
            "secrets": secrets_now(loaded.secrets, os.environ, self.key),
            "planned": told(planned, self.workspace.contents.values()),
        }
        keep_rows(self.workspace.cache, _TABLE, {self.place: written(held)})

    def _is_as_it_was(self, held: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether secrets have the values, and places hold what they did when manifests led there."""
        if secrets_now(held["secrets"], os.environ, self.key) != held["secrets"]:
            return False
        seen = self._seen(held["looked"])
        return seen is not None and all(seen[place].everything == was for place, was in held["looked"].items())

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
    return Look(workspace, wish, inputs, place, key, eyes, index)


def _finds_nothing(planned: Planned) -> bool:
    """Whether nothing is to be done, nothing drifted, and nothing of the record is to be corrected."""
    plan = planned.plan
    return not (plan.steps or plan.recovery or plan.offline or planned.drifts or planned.corrections)
