"""A plan becomes outcomes: every step written down, called, and written down again."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reconciler.apply.answering import InTime
from reconciler.apply.retrying import Pace
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

_PLACES = {
    "Journal": "journal",
    "Watcher": "apply",
    "as_recovered": "recover",
    "recoveries": "recover",
}


def __getattr__(name: str) -> Any:
    """What writes is loaded by whoever does; others look at what is live, with the same eyes.

    `apply` and `recover` are modules here, so that their functions have to be taken from them.
    """
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
