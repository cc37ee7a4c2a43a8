"""What must hold of the live side at every moment, whatever has become of the process that changes it."""

from collections.abc import Iterable, Mapping

from reconciler.core.plan import Action, Step
from reconciler.core.state import Live


def breaches(step: Step, before: Iterable[Live], after: Iterable[Live]) -> list[str]:
    """Which invariants a step has broken, by the live objects before and after it."""
    was, now = _by_address(before), _by_address(after)
    return [*_traffic_is_whole(now), *_traffic_goes_where_something_serves(now), *_no_traffic_is_deleted(step, was)]


def scale_comes_before_code(effects: Iterable[Mapping[str, str]]) -> list[str]:
    """I1, over the effects of one run in their order."""
    rolled: set[str] = set()
    wrong = []
    for effect in effects:
        if effect["action"] == Action.ROLL_OUT:
            rolled.add(effect["address"])
        if effect["action"] == Action.SCALE and effect["address"] in rolled:
            wrong.append(f"I1: {effect['address']} was scaled after its roll-out")
    return wrong


def _traffic_is_whole(live: Mapping[str, Live]) -> Iterable[str]:
    for name, shares in _traffic(live):
        if sum(shares.values()) not in (0, 100):
            yield f"I4: the traffic of {name} sums to {sum(shares.values())}"


def _traffic_goes_where_something_serves(live: Mapping[str, Live]) -> Iterable[str]:
    for name, shares in _traffic(live):
        for deployment, share in shares.items():
            item = live.get(f"deployment/{name}/{deployment}")
            if share and (item is None or item.status != "Succeeded"):
                yield f"I2: {share} % of the traffic of {name} go to {deployment}, which is not there or not ready"


def _no_traffic_is_deleted(step: Step, live: Mapping[str, Live]) -> Iterable[str]:
    for name, shares in _traffic(live):
        share = shares.get(step.address.name, 0)
        if step.action is Action.DELETE and step.address.endpoint == name and share:
            yield f"I3: {step.address} was deleted while it had {share} % of the traffic"


def _traffic(live: Mapping[str, Live]) -> Iterable[tuple[str, Mapping[str, int]]]:
    for item in live.values():
        if item.address.kind == "endpoint":
            yield item.address.name, item.spec.get("traffic") or {}


def _by_address(live: Iterable[Live]) -> Mapping[str, Live]:
    return {str(item.address): item for item in live}
