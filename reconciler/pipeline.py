"""plan(), apply(), drift(), destroy(), validate(): each a straight line of stages.

load -> resolve -> diff -> order -> preflight -> apply -> record

Each has a file of its own, which is loaded once it is asked for: what is known from earlier goes through no stage.
"""

from typing import TYPE_CHECKING

from reconciler.late import offered
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

__getattr__ = offered(
    "reconciler",
    {
        "apply": "applying",
        "destroy": "destroying",
        "drift": "drifting",
        "plan": "planning",
        "prepared": "planning",
        "refresh": "drifting",
        "validate": "validating",
    },
)
