"""Traffic read back from a route configuration, be it a file or what the proxy has in force."""

from collections.abc import Iterator

from reconciler.gateway.replies import Json
from reconciler.gateway.routes import PREFIX

_OUT_OF = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


def traffic_of(configuration: Json) -> dict[str, dict[str, int]]:
    """Return percent by deployment by endpoint, as the thresholds of the routes really share requests out."""
    return {name: _shares(entries) for name, entries in _endpoints(configuration)}


def mirror_of(configuration: Json) -> dict[str, dict[str, int]]:
    """Return the percent of an endpoint's requests that a deployment gets a copy of, by deployment by endpoint.

    An endpoint whose traffic is all zero has no requests to copy, and so no mirror traffic.
    """
    return {name: _copies(entries) for name, entries in _endpoints(configuration)}


def _endpoints(configuration: Json) -> Iterator[tuple[str, list[Json]]]:
    """Yield for each endpoint the routes by which its traffic is shared out."""
    for host in configuration["virtual_hosts"]:
        tree = host["matcher"].get("matcher_tree", {"prefix_match_map": {"map": {}}})
        for prefix, taken in tree["prefix_match_map"]["map"].items():
            entries = taken["action"]["typed_config"]["routes"]
            path = f"{prefix}score"
            shared = [each for each in entries if "route" in each and "headers" not in each["match"]]
            name = prefix.removeprefix(PREFIX).removesuffix("/")
            yield name, [each for each in shared if each["match"].get("path") == path]


def _shares(entries: list[Json]) -> dict[str, int]:
    shares: dict[str, int] = {}
    given = 0
    for entry in entries:
        below = max(given, _percent(entry["match"].get("runtime_fraction")))
        deployment = _deployment(entry["route"])
        shares[deployment] = shares.get(deployment, 0) + below - given
        given = below
    return shares


def _copies(entries: list[Json]) -> dict[str, int]:
    policies = [each for entry in entries for each in entry["route"].get("request_mirror_policies", [])]
    return {_deployment(each): _percent(each.get("runtime_fraction")) for each in policies}


def _deployment(target: Json) -> str:
    """Return the deployment behind a cluster's name, `ENDPOINT/DEPLOYMENT` or `ENDPOINT/DEPLOYMENT/shadow`."""
    name: str = target.get("cluster", "/").split("/")[1]
    return name


def _percent(fraction: Json | None) -> int:
    if fraction is None:
        return 100
    value = fraction["default_value"]
    percent: int = value.get("numerator", 0) * 100 // _OUT_OF[value.get("denominator", "HUNDRED")]
    return min(percent, 100)
