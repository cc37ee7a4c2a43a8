"""A plan becomes outcomes: every step written down, called, and written down again."""

from reconciler.apply.apply import Watcher, apply
from reconciler.apply.journal import Journal, utc_now
from reconciler.apply.recover import recover
from reconciler.apply.retrying import Pace

__all__ = ["Journal", "Pace", "Watcher", "apply", "recover", "utc_now"]
