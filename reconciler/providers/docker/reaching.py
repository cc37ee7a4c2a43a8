"""How the gateway reaches the instances of a deployment: on published ports, by the paths that they say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.gateway.values import Backend
from reconciler.providers.docker.containers import LOOPBACK
from reconciler.providers.docker.launch import Routes
from reconciler.providers.hosting.serving import Ways


@dataclass(frozen=True)
class Place:
    """Where an instance answers, on 127.0.0.1 or on another node of a swarm; and whether our scoring server does."""

    routes: Routes
    ours: bool
    host: str = LOOPBACK


def way(serving: Sequence[str], places: Mapping[str, Place]) -> Ways:
    """How a deployment is reached; of instances in service without a place there is nothing to reach.

    A deployment has one scoring path. While a roll-out that changes it has both versions in service, those of the
    larger group get the requests, of two equal ones the former: on the others they would meet a path that is not there.

    Args:
        serving: the names of its instances in service, the former ones first.
        places: where instances answer, by name.
    """
    there = {name: places[name] for name in serving if name in places}
    if not there:
        return Ways(())
    scoring_path, readiness_path, ours = Counter(map(_kind, there.values())).most_common(1)[0][0]
    return Ways(
        tuple(
            _backend(name, place)
            for name, place in there.items()
            if _kind(place) == (scoring_path, readiness_path, ours)
        ),
        queues=ours,
        scoring_path=scoring_path,
        readiness_path=readiness_path,
        own_paths=not ours,
    )


def _kind(place: Place) -> tuple[str, str, bool]:
    return place.routes.scoring.path, place.routes.readiness.path, place.ours


def _backend(name: str, place: Place) -> Backend:
    scoring, health = place.routes.scoring.port, place.routes.readiness.port
    return Backend(name, f"{place.host}:{scoring}", None if health == scoring else health)
