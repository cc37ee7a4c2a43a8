"""Ways to break recovery in a process of the enumeration, by which it is seen that the enumeration finds them."""

import sys
from collections.abc import Callable, Mapping

from reconciler import comparing, executing
from reconciler.core.state import Entry, Live, State
from reconciler.record.store import Intent
from reconciler.workspace import Workspace

# The package's name for the function hides the module of the same name.
recovering = sys.modules["reconciler.apply.recover"]


def _nobody_looks(_workspace: Workspace) -> None:
    executing.recover = lambda *_given, **_named: ()


def _what_was_found_is_forgotten(_workspace: Workspace) -> None:
    """Nor does the plan look at what is live."""

    def nothing(_intent: Intent, _state: State, _live: Live | None, _generation: int, _now: str) -> Entry | None:
        return None

    recovering.found_entry = nothing
    comparing.fold = lambda state, _live, **_of: state


def _the_intention_is_taken_for_the_deed(_workspace: Workspace) -> None:
    def as_intended(intent: Intent, _state: State, _live: Live | None, generation: int, now: str) -> Entry | None:
        return Entry(intent.after, generation, intent.operation, now) if intent.after else None

    recovering.found_entry = as_intended
    comparing.fold = lambda state, _live, **_of: state


SPOILED: Mapping[str, Callable[[Workspace], None]] = {
    "nobody looks": _nobody_looks,
    "what was found is forgotten": _what_was_found_is_forgotten,
    "the intention is taken for the deed": _the_intention_is_taken_for_the_deed,
}
