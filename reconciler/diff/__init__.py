"""Resources against state give changes; state against the live side gives drifts."""

from reconciler.diff.changes import changes
from reconciler.diff.confine import confined
from reconciler.diff.drift import corrections, drifts, fold, foreign, newer

__all__ = ["changes", "confined", "corrections", "drifts", "fold", "foreign", "newer"]
