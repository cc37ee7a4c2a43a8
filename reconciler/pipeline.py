"""plan(), apply(), drift(), destroy(), validate(): each a straight line of stages.

load -> resolve -> diff -> order -> preflight -> apply -> record

Each has a file of its own, which is loaded once it is asked for: what is known from earlier goes through no stage.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reconciler.wishes import Applied, Manner, Planned, Wish

if TYPE_CHECKING:
    from reconciler.applying import apply
    from reconciler.destroying import destroy
    from reconciler.drifting import drift, refresh
    from reconciler.planning import plan, prepared
    from reconciler.validating import validate

__all__ = [
    "Applied",
    "Manner",
    "Planned",
    "Wish",
    "apply",
    "destroy",
    "drift",
    "plan",
    "prepared",
    "refresh",
    "validate",
]

_PLACES = {
    "apply": "applying",
    "destroy": "destroying",
    "drift": "drifting",
    "plan": "planning",
    "prepared": "planning",
    "refresh": "drifting",
    "validate": "validating",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"reconciler.{_PLACES[name]}"), name)
