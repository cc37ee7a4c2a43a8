"""Resources against state give changes; state against the live side gives drifts."""

from reconciler.diff.changes import by_command, changes
from reconciler.diff.confine import confined
from reconciler.diff.drift import corrections, drifts, fold, foreign, newer, under_way
from reconciler.diff.labels import labelled, moved_labels, relabelled
from reconciler.diff.served import ALTERED, altered, silent, with_served
from reconciler.diff.since import since
from reconciler.diff.touched import touched

__all__ = [
    "ALTERED",
    "altered",
    "by_command",
    "changes",
    "confined",
    "corrections",
    "drifts",
    "fold",
    "foreign",
    "labelled",
    "moved_labels",
    "newer",
    "relabelled",
    "silent",
    "since",
    "touched",
    "under_way",
    "with_served",
]
