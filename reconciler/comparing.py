"""What is wanted against what is recorded and live: the changes, once all was looked at that decides on them."""

from collections.abc import Sequence
from dataclasses import replace

from reconciler.apply import InTime, Pace, as_recovered
from reconciler.core.address import Address
from reconciler.core.plan import Change
from reconciler.core.problem import Problem
from reconciler.core.state import Live, State
from reconciler.diff import changes, confined, fold, labelled, touched
from reconciler.frozen import dataclass
from reconciler.load import Loaded
from reconciler.record.store import Intent
from reconciler.resolve import Resolved
from reconciler.telemetry import span
from reconciler.wanted import refuse_unknown, wanted
from reconciler.wishes import Wish
from reconciler.workspace import Workspace


@dataclass(frozen=True)
class Sight:
    """What a plan is made of.

    Args:
        loaded: what the files say.
        recorded: what is recorded.
        live: what is live; nothing where nobody looked.
        refresh: whether somebody looked.
        looked: the addresses that were looked at, where a plan looks at no more than it touches; None for all.
        besides: how many more resources are wanted, and recorded, of which it is known that nothing is to be done.
    """

    loaded: Loaded
    recorded: State
    live: tuple[Live, ...] = ()
    refresh: bool = True
    looked: frozenset[Address] | None = None
    besides: tuple[int, int] = (0, 0)

    @property
    def whole(self) -> bool:
        """Whether everything was looked at."""
        return self.refresh and self.looked is None

    @property
    def seen(self) -> dict[Address, Live] | None:
        """The live objects by address; None where nobody looked."""
        return {item.address: item for item in self.live} if self.refresh else None

    def state(self, intents: Sequence[Intent]) -> State:
        """The record as it would be recovered, with the live side folded in as far as it was looked at."""
        if (seen := self.seen) is None:
            return self.recorded
        known = [intent for intent in intents if self.looked is None or intent.address in self.looked]
        return fold(as_recovered(self.recorded, known, seen), self.live, of=self.looked)


@dataclass(frozen=True)
class Compared:
    """What differs.

    Args:
        sight: what was compared.
        folded: what is recorded, drift folded in.
        state: the same, with the labels of references.
        resolved: what is wanted.
        warnings: the files' `W-` problems.
        found: the changes.
    """

    sight: Sight
    folded: State
    state: State
    resolved: Resolved
    warnings: tuple[Problem, ...]
    found: list[Change]


def compared(
    workspace: Workspace,
    wish: Wish,
    sight: Sight,
    besides: Sequence[Problem],
    intents: Sequence[Intent],
    pace: Pace,
) -> Compared:
    """The changes; where no more was looked at than they touch, whatever drifted of that may make them others.

    Args:
        workspace: the target.
        wish: what is wanted.
        sight: what is compared.
        besides: what is wrong with other files than the manifests.
        intents: operations that have no end.
        pace: how long the platform may take to say what is live.
    """
    made = _compared(workspace, wish, sight, besides, intents)
    while more := _not_looked_at(made, wish, intents):
        with span("observe"):
            live = InTime(workspace.provider, pace).some(more)
        sight = replace(made.sight, live=(*made.sight.live, *live), looked=(made.sight.looked or frozenset()) | more)
        is_same = sight.state(intents) == made.folded
        made = replace(made, sight=sight) if is_same else _compared(workspace, wish, sight, besides, intents)
    return made


def _not_looked_at(made: Compared, wish: Wish, intents: Sequence[Intent]) -> frozenset[Address]:
    looked = made.sight.looked
    if looked is None:
        return frozenset()
    begun = {intent.address for intent in intents}
    return (touched(confined(made.found, wish.only), made.state) | begun) - looked


def _compared(
    workspace: Workspace, wish: Wish, sight: Sight, besides: Sequence[Problem], intents: Sequence[Intent]
) -> Compared:
    folded, whole = sight.state(intents), not sight.loaded.alone
    resolved, warnings = wanted(workspace, wish, sight.loaded, folded, besides)
    refuse_unknown(wish.only, resolved, folded)
    state = labelled(folded, resolved.resources)
    # What is wanted in the place of files is what was recorded, and nothing that was registered since.
    found = changes(resolved.resources, state, recorded=sight.recorded, whole=whole, keep=wish.resources is None)
    return Compared(sight, folded, state, resolved, warnings, found)
