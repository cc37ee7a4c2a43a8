"""A plan becomes outcomes: every step written down, called, and written down again."""

from typing import TYPE_CHECKING

from reconciler.apply.answering import InTime
from reconciler.apply.retrying import Pace
from reconciler.late import offered
from reconciler.record.stamps import random_id, utc_now
from reconciler.record.under_way import unfinished

if TYPE_CHECKING:
    from reconciler.apply.apply import Watcher
    from reconciler.apply.journal import Journal
    from reconciler.apply.recover import as_recovered, recoveries

__all__ = [
    "InTime",
    "Journal",
    "Pace",
    "Watcher",
    "as_recovered",
    "random_id",
    "recoveries",
    "unfinished",
    "utc_now",
]

# What writes is loaded by whoever does; others look at what is live, with the same eyes. `apply` and `recover` are
# modules here, so that their functions have to be taken from them.
__getattr__ = offered(
    __name__,
    {
        "Journal": "journal",
        "Watcher": "apply",
        "as_recovered": "recover",
        "recoveries": "recover",
    },
)
