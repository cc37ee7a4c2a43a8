"""Checks that need no platform: of the files among themselves, and of the plan against what may be touched."""

from reconciler.preflight.guards import Guards, refusals
from reconciler.preflight.manifests import problems_of
from reconciler.preflight.quota import asks_for_quota, over_quota

__all__ = ["Guards", "asks_for_quota", "over_quota", "problems_of", "refusals"]
