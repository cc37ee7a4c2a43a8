"""Traffic read back from a route configuration, be it a file or what the proxy has in force."""

from collections.abc import Iterable, Iterator

from reconciler.gateway.replies import Json
from reconciler.gateway.routes import PREFIX

_OUT_OF = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


def traffic_of(configuration: Json) -> dict[str, dict[str, int]]:
    """Return percent by deployment by endpoint, as the thresholds of the routes really share requests out."""
    return {name: _shares(entries, f"{PREFIX}{name}/score") for name, entries in _endpoints(configuration)}


def _endpoints(configuration: Json) -> Iterator[tuple[str, list[Json]]]:
    for host in configuration["virtual_hosts"]:
        tree = host["matcher"].get("matcher_tree", {"prefix_match_map": {"map": {}}})
        for prefix, taken in tree["prefix_match_map"]["map"].items():
            yield prefix.removeprefix(PREFIX).removesuffix("/"), taken["action"]["typed_config"]["routes"]


def _shares(entries: Iterable[Json], path: str) -> dict[str, int]:
    shares: dict[str, int] = {}
    given = 0
    for entry in entries:
        match = entry["match"]
        if match.get("path") != path or "headers" in match or "route" not in entry:
            continue
        below = max(given, _threshold(match))
        deployment = entry["route"].get("cluster", "/").partition("/")[2]
        shares[deployment] = shares.get(deployment, 0) + below - given
        given = below
    return shares


def _threshold(match: Json) -> int:
    if "runtime_fraction" not in match:
        return 100
    fraction = match["runtime_fraction"]["default_value"]
    percent: int = fraction.get("numerator", 0) * 100 // _OUT_OF[fraction.get("denominator", "HUNDRED")]
    return min(percent, 100)
