"""Durations in the proxy's way of writing them."""


def seconds(value: float) -> str:
    """Return a duration, to the millisecond."""
    return f"{value:.3f}s"
