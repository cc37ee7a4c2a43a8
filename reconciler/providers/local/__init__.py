"""The local target: deployments as processes of this machine, behind a real proxy."""

from reconciler.providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
