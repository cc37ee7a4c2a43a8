"""Traffic must sum to 0 or 100 and go to deployments that exist; a mirror goes to one without live traffic."""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from reconciler.core.manifest import Resource
from reconciler.core.problem import Problem
from reconciler.core.words import nearest


def traffic_problems(
    endpoint: Resource, deployments: Set[str] | None, leaving: Set[str] = frozenset()
) -> Iterator[Problem]:
    """What is wrong with an endpoint's traffic.

    Args:
        endpoint: the endpoint's resource; its manifest still has shares of zero, which name deployments too.
        deployments: names of the endpoint's deployments; None when they are not known, and names go unchecked.
        leaving: names of recorded deployments that would be deleted where they are none of these.
    """
    traffic = _shares(endpoint, "traffic")
    mirror = _shares(endpoint, "mirror_traffic")
    yield from _named(endpoint, "traffic", traffic, deployments, leaving)
    yield from _named(endpoint, "mirror_traffic", mirror, deployments, leaving)
    total = sum(traffic.values())
    if total not in (0, 100):
        message = f"traffic sums to {total}; must be 0 or 100"
        yield endpoint.manifest.problem("traffic", "E-TRAFFIC-SUM", message)
    for name, percent in mirror.items():
        if percent and traffic.get(name):
            message = f"{name} has {traffic[name]} % of the live traffic; mirror to a deployment that has none"
            yield endpoint.manifest.problem(f"mirror_traffic.{name}", "E-MIRROR", message)


def _shares(endpoint: Resource, name: str) -> dict[str, int]:
    written: Mapping[str, Any] = endpoint.manifest.document.get(name) or {}
    return {deployment.lower(): int(percent) for deployment, percent in written.items()}


def _named(
    endpoint: Resource, field: str, shares: Mapping[str, int], deployments: Set[str] | None, leaving: Set[str]
) -> Iterator[Problem]:
    if deployments is None:
        return
    for name, share in shares.items():
        if name not in deployments and name in leaving and share:
            message = (
                f"{name} has {share} % of {field} and would be deleted, as its file is gone; move it to another "
                "deployment first, or restore the file"
            )
            yield endpoint.manifest.problem(f"{field}.{name}", "E-DELETE-TRAFFIC", message)
        elif name not in deployments:
            near = nearest(name, deployments)
            advice = f"; did you mean {near}?" if near else ""
            known = f"deployments: {', '.join(sorted(deployments))}" if deployments else "it has no deployments"
            message = f"{field} names {name!r}; {known}{advice}"
            yield endpoint.manifest.problem(f"{field}.{name}", "E-TRAFFIC-REF", message)
