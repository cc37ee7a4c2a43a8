"""A plan becomes outcomes: every step written down, called, and written down again."""

from reconciler.apply.answering import InTime
from reconciler.apply.apply import Watcher, apply
from reconciler.apply.journal import Journal
from reconciler.apply.recover import as_recovered, recover, recoveries
from reconciler.apply.retrying import Pace
from reconciler.record.stamps import random_id, utc_now
from reconciler.record.under_way import unfinished

__all__ = [
    "InTime",
    "Journal",
    "Pace",
    "Watcher",
    "apply",
    "as_recovered",
    "random_id",
    "recover",
    "recoveries",
    "unfinished",
    "utc_now",
]
