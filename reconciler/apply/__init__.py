"""A plan becomes outcomes: every step written down, called, and written down again."""

from reconciler.apply.apply import Watcher, apply
from reconciler.apply.journal import Journal, utc_now
from reconciler.apply.recover import recover

__all__ = ["Journal", "Watcher", "apply", "recover", "utc_now"]
