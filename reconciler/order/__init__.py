"""Changes become a plan: split into steps, linked by the rules, sorted, cycles refused."""

from reconciler.order.order import order

__all__ = ["order"]
