"""A declarative GitOps reconciler for machine-learning online endpoints."""
