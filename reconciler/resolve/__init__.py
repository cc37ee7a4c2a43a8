"""Manifests become resources: every name looked up, every inline asset known by content, every default explicit."""

from reconciler.resolve.assets import Command, Registry
from reconciler.resolve.resolve import Resolved, resolve

__all__ = ["Command", "Registry", "Resolved", "resolve"]
