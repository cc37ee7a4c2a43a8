"""A probe as a health check that the engine itself carries out, for instances that nobody else watches over."""

from collections.abc import Mapping
from typing import Any

from reconciler.providers.docker.launch import Route

_NANOSECONDS = 1_000_000_000
# Python alone, as images need have no curl; good is what is good to Kubernetes.
_ASK = (
    "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=float(sys.argv[3])); "
    "c.request('GET', sys.argv[2]); sys.exit(not 200 <= c.getresponse().status < 400)"
)


def health_check(probe: Mapping[str, int], route: Route, python: str) -> dict[str, Any]:
    """The engine's `Healthcheck` of a deployment's probe.

    Args:
        probe: as in the deployment's spec, in seconds.
        route: where the instance is asked, within its container.
        python: the interpreter that asks.
    """
    return {
        # Isolated, so that nothing of the user's is imported ten times a minute.
        "Test": ["CMD", python, "-IS", "-c", _ASK, str(route.port), route.path, str(probe["timeout"])],
        "Interval": probe["period"] * _NANOSECONDS,
        # For Python's own start too, which the probe's time-out knows nothing of.
        "Timeout": (probe["timeout"] + 5) * _NANOSECONDS,
        "StartPeriod": probe["initial_delay"] * _NANOSECONDS,
        "Retries": probe["failure_threshold"],
    }
