"""The probes of an instance: their numbers are kept in a label of its container, so that no file is needed to ask."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.manifest import Spec
from reconciler.keeper.values import Probe
from reconciler.providers.docker.launch import Route, routes_from_text
from reconciler.providers.docker.names import PROBES, ROUTES
from reconciler.providers.hosting.facts import HOST

# The keeper's words for those of a manifest.
_WORDS = {
    "initial_delay": "initial_delay_s",
    "period": "period_s",
    "timeout": "timeout_s",
    "success_threshold": "success_threshold",
    "failure_threshold": "failure_threshold",
}


@dataclass(frozen=True)
class Asked:
    """How an instance is asked whether it lives, and whether it is ready; None where it is not asked."""

    liveness: Probe | None = None
    readiness: Probe | None = None


def probes_text(spec: Spec) -> str:
    """The probes of a deployment's spec as the text of a label."""
    return json.dumps({name: spec.get(f"{name}_probe") or {} for name in ("liveness", "readiness")}, sort_keys=True)


def probes_of(labels: Mapping[str, str]) -> Asked:
    """How the container with these labels is asked; not at all where they do not say.

    Raises:
        ValueError: what they say is no probe.
    """
    if PROBES not in labels or ROUTES not in labels:
        return Asked()
    numbers, routes = json.loads(labels[PROBES]), routes_from_text(labels[ROUTES])
    return Asked(_probe(routes.liveness, numbers["liveness"]), _probe(routes.readiness, numbers["readiness"]))


def _probe(route: Route, numbers: Mapping[str, int]) -> Probe:
    """A probe; what is not given is as Azure has it."""
    given = {word: numbers[name] for name, word in _WORDS.items() if name in numbers}
    return Probe(f"{HOST}:{route.port}", route.path, **given)
