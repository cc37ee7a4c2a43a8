"""Which request goes where: the route configuration of a gateway, in which the first match is taken."""

from collections.abc import Iterator
from itertools import accumulate

from reconciler.gateway.replies import MODEL_TIME, Json, header, reply
from reconciler.gateway.values import Deployment, Endpoint, Gateway, cluster_name

NAME = "gateway"
PREFIX = "/api/v1/endpoint/"
PIN = "azureml-model-deployment"


def routes(gateway: Gateway) -> Json:
    """Return the route configuration: a tree over the path finds the endpoint, however many there are."""
    missing = reply(404, "EndpointNotFound", f"no such endpoint; the path is {PREFIX}NAME/score")
    tree = {
        "input": {
            "name": "path",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
                "header_name": ":path",
            },
        },
        "prefix_match_map": {"map": {path_of(each): _taken(endpoint_routes(each)) for each in gateway.endpoints}},
    }
    host: Json = {
        "name": NAME,
        "domains": ["*"],
        "matcher": {"on_no_match": _taken([{"match": {"prefix": "/"}, **missing}])},
    }
    host["retry_policy"] = _retries()
    if gateway.endpoints:
        host["matcher"]["matcher_tree"] = tree
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": NAME,
        "virtual_hosts": [host],
        # A key is the gateway's own business: a model never sees it.
        "request_headers_to_remove": ["authorization"],
        "response_headers_to_remove": ["x-envoy-upstream-service-time"],
        "response_headers_to_add": [header(MODEL_TIME, "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%")],
    }


def path_of(endpoint: Endpoint) -> str:
    """Return the prefix below which an endpoint answers."""
    return f"{PREFIX}{endpoint.name}/"


def endpoint_routes(endpoint: Endpoint) -> list[Json]:
    """Return an endpoint's routes: refusals first, then the pinned deployments, then the shares of the traffic."""
    return [
        *_refusals(endpoint),
        *_selection(endpoint, "score"),
        *_selection(endpoint, "swagger.json"),
        _refused(endpoint, [], reply(404, "PathNotFound", f"only {path_of(endpoint)}score and swagger.json answer")),
    ]


def _refusals(endpoint: Endpoint) -> Iterator[Json]:
    if endpoint.keys:
        message = "the key is missing or wrong; send it as `Authorization: Bearer KEY`"
        no_key = [_is_not("authorization", f"Bearer {key}") for key in endpoint.keys]
        yield _refused(endpoint, no_key, reply(401, "Unauthorized", message, header("www-authenticate", "Bearer")))
    methods = [_is_not(":method", method) for method in ("GET", "POST")]
    allowed = reply(405, "MethodNotAllowed", "only GET and POST are served", header("allow", "GET, POST"))
    yield _refused(endpoint, methods, allowed)


def _selection(endpoint: Endpoint, leaf: str) -> Iterator[Json]:
    path = f"{path_of(endpoint)}{leaf}"
    deployments = {each.name: each for each in endpoint.deployments}
    for each in endpoint.deployments:
        pinned = {"path": path, "headers": [{"name": PIN, "string_match": {"exact": each.name}}]}
        yield _served(endpoint, each, leaf, pinned)
    yield _no_such_deployment(endpoint, path)
    for name, below in zip(endpoint.traffic, accumulate(endpoint.traffic.values()), strict=True):
        # All of a request's routes draw the same number, so a share is what lies between two thresholds.
        share = {"path": path, "runtime_fraction": {"default_value": {"numerator": below, "denominator": "HUNDRED"}}}
        yield _served(endpoint, deployments[name], leaf, share)
    message = f"no deployment of endpoint {endpoint.name} has traffic; name one in the header {PIN}"
    yield {"name": f"{endpoint.name}/", "match": {"path": path}, **reply(404, "NoTraffic", message)}


def _no_such_deployment(endpoint: Endpoint, path: str) -> Json:
    known = ", ".join(each.name for each in endpoint.deployments) or "none"
    message = f"endpoint {endpoint.name} has no deployment as the header {PIN} says; there are: {known}"
    match = {"path": path, "headers": [{"name": PIN, "present_match": True}]}
    return {"name": f"{endpoint.name}/", "match": match, **reply(404, "DeploymentNotFound", message)}


def _served(endpoint: Endpoint, deployment: Deployment, leaf: str, match: Json) -> Json:
    return {
        "name": f"{endpoint.name}/{deployment.name}",
        "match": match,
        "route": {
            "cluster": cluster_name(endpoint.name, deployment.name),
            "prefix_rewrite": deployment.scoring_path if leaf == "score" else f"/{leaf}",
            "timeout": _seconds(deployment.timeout_ms),
            # The timeout counts from the end of the request. A client that stops in the middle of it would keep the
            # backend for ever.
            "idle_timeout": _seconds(deployment.timeout_ms + 1000),
        },
    }


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}s"


def _retries() -> Json:
    """Try another backend only where the first has certainly not seen the request: a score is made at most once."""
    return {
        "retry_on": "connect-failure,reset-before-request",
        "num_retries": 3,
        "retry_back_off": {"base_interval": "0.010s"},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                },
            }
        ],
        "host_selection_retry_max_attempts": 3,
    }


def _refused(endpoint: Endpoint, headers: list[Json], answer: Json) -> Json:
    return {"name": f"{endpoint.name}/", "match": {"prefix": path_of(endpoint), "headers": headers}, **answer}


def _is_not(name: str, value: str) -> Json:
    exact = {"name": name, "string_match": {"exact": value}}
    return {**exact, "invert_match": True, "treat_missing_header_as_empty": True}


def _taken(entries: list[Json]) -> Json:
    actions = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteList", "routes": entries}
    return {"action": {"name": "routes", "typed_config": actions}}
