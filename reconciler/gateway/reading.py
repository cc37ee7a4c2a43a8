"""What is read back from a route configuration, be it a file or what the proxy has in force: traffic and paths."""

from collections.abc import Iterator

from reconciler.gateway.replies import Json
from reconciler.gateway.routes import SCORE, SWAGGER
from reconciler.gateway.values import PREFIX

_OUT_OF = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}


def traffic_of(configuration: Json) -> dict[str, dict[str, int]]:
    """Return percent by deployment by endpoint, as the thresholds of the routes really share requests out."""
    return {name: _shares(entries) for name, entries in _endpoints(configuration)}


def mirror_of(configuration: Json) -> dict[str, dict[str, int]]:
    """Return the percent of an endpoint's requests that a deployment gets a copy of, by deployment by endpoint.

    An endpoint whose traffic is all zero has no requests to copy, and so no mirror traffic.
    """
    return {name: _copies(entries) for name, entries in _endpoints(configuration)}


def scoring_paths_of(configuration: Json) -> dict[str, str]:
    """Return the path that clients are told by endpoint, as `routes.scoring_path` chose it."""
    found = {}
    for prefix, entries in _prefixes(configuration):
        paths = [each["match"]["path"] for each in entries if "path" in each["match"]]
        own = [path for path in paths if path not in (f"{prefix}{SCORE}", f"{prefix}{SWAGGER}")]
        found[_name(prefix)] = f"/{own[0].removeprefix(prefix)}" if own else f"/{SCORE}"
    return found


def _endpoints(configuration: Json) -> Iterator[tuple[str, list[Json]]]:
    """Yield for each endpoint the routes by which its traffic is shared out."""
    for prefix, entries in _prefixes(configuration):
        shared = [each for each in entries if "route" in each and "headers" not in each["match"]]
        yield _name(prefix), [each for each in shared if each["match"].get("path") == f"{prefix}{SCORE}"]


def _prefixes(configuration: Json) -> Iterator[tuple[str, list[Json]]]:
    """Yield for each endpoint the prefix of its paths and all its routes."""
    for host in configuration["virtual_hosts"]:
        tree = host["matcher"].get("matcher_tree", {"prefix_match_map": {"map": {}}})
        for prefix, taken in tree["prefix_match_map"]["map"].items():
            yield prefix, taken["action"]["typed_config"]["routes"]


def _name(prefix: str) -> str:
    return prefix.removeprefix(PREFIX).removesuffix("/")


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
