"""A declarative GitOps reconciler for machine-learning online endpoints."""

__version__ = "0.1.0"
