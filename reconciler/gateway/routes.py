"""Which request goes where: the route configuration of a gateway, in which the first match is taken."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from reconciler.gateway.access_log import logged
from reconciler.gateway.durations import seconds
from reconciler.gateway.mirroring import copies
from reconciler.gateway.refusals import NO_ENDPOINT, TOO_LONG
from reconciler.gateway.replies import (
    CLIENT_ID,
    MODEL_TIME,
    NO_GRPC,
    REASON,
    STATUS,
    Error,
    Json,
    header,
    reply,
    rules,
)
from reconciler.gateway.retrying import full_again, retries
from reconciler.gateway.tokens import verified, without_token
from reconciler.gateway.values import PREFIX, Deployment, Endpoint, Gateway, cluster_name

NAME = "gateway"
PIN = "azureml-model-deployment"
SCORE = "score"
SWAGGER = "swagger.json"
_IDS = ("x-request-id", "x-ms-request-id", CLIENT_ID)
_OTHER = ""


def routes(gateway: Gateway) -> Json:
    """Return the route configuration: a tree over the path finds the endpoint, however many there are."""
    missing = reply(NO_ENDPOINT)
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
        "retry_policy": retries(),
    }
    if gateway.endpoints:
        host["matcher"]["matcher_tree"] = tree
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": NAME,
        "virtual_hosts": [host],
        # A key is the gateway's own business: a model never sees it.
        "request_headers_to_remove": ["authorization"],
        "response_headers_to_remove": ["x-envoy-upstream-service-time", STATUS],
        "response_headers_to_add": [
            header(MODEL_TIME, "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%"),
            header(CLIENT_ID, f"%REQ({CLIENT_ID})%"),
        ],
    }


def path_of(endpoint: Endpoint) -> str:
    """Return the prefix below which an endpoint answers."""
    return f"{PREFIX}{endpoint.name}/"


def endpoint_routes(endpoint: Endpoint) -> list[Json]:
    """Return an endpoint's routes: refusals first, then the pinned deployments, then the shares of the traffic."""
    scored = dict.fromkeys((f"/{SCORE}", scoring_path(endpoint)))
    own_paths = any(each.own_paths for each in endpoint.deployments)
    return [
        *_refusals(endpoint),
        *(
            found
            for path in scored
            for found in _selection(endpoint, SCORE, {"path": f"{PREFIX}{endpoint.name}{path}"})
        ),
        *_selection(endpoint, SWAGGER, {"path": f"{path_of(endpoint)}{SWAGGER}"}),
        *(
            _selection(endpoint, _OTHER, {"prefix": path_of(endpoint)})
            if own_paths
            else [_refused(endpoint, {}, _no_such_path(endpoint))]
        ),
    ]


def scoring_path(endpoint: Endpoint) -> str:
    """Return the path below an endpoint that its clients are told: the one on which all its deployments score.

    Where they differ it is `/score`, which leads to each one's.
    """
    paths = {each.scoring_path if each.own_paths else f"/{SCORE}" for each in endpoint.deployments}
    return paths.pop() if len(paths) == 1 else f"/{SCORE}"


def _refusals(endpoint: Endpoint) -> Iterator[Json]:
    yield _refused(endpoint, {"headers": [_matching("content-type", r"application/grpc(\+.*)?")]}, reply(NO_GRPC))
    if endpoint.keys or endpoint.tokens:
        known = [f"{scheme} {key}" for key in endpoint.keys for scheme in ("Bearer", "bearer")]
        no_key = {"headers": [_is_not("authorization", each) for each in known]}
        what = " or ".join([*(["key"] if endpoint.keys else []), *(["token"] if endpoint.tokens else [])])
        message = f"the {what} is missing or wrong; send it as `Authorization: Bearer {what.upper()}`"
        refusal = reply(Error(401, "Unauthorized", message), header("www-authenticate", "Bearer"))
        if endpoint.tokens:
            no_token = {"dynamic_metadata": [without_token(endpoint)]}
            yield _refused(endpoint, no_key | no_token, refusal | verified(endpoint))
        else:
            yield _refused(endpoint, no_key, refusal)
    methods = {"headers": [_is_not(":method", method) for method in ("GET", "POST")]}
    not_allowed = Error(405, "MethodNotAllowed", "only GET and POST are served")
    yield _refused(endpoint, methods, reply(not_allowed, header("allow", "GET, POST")))
    for name in _IDS:
        # The scoring server would refuse it, which were told as a failure of the model.
        yield _refused(endpoint, {"headers": [_matching(name, ".{101,}")]}, reply(TOO_LONG))


def _selection(endpoint: Endpoint, leaf: str, path: Json) -> Iterator[Json]:
    """Yield the routes of one path, or of all others: by the header if it is there, else by the shares."""
    deployments = {each.name: each for each in endpoint.deployments}
    for each in endpoint.deployments:
        pinned = {**path, "headers": [{"name": PIN, "string_match": {"exact": each.name}}]}
        yield _served(endpoint, each, leaf, pinned, mirrored=False)
    yield _no_such_deployment(endpoint, path)
    for name, below in zip(endpoint.traffic, accumulate(endpoint.traffic.values()), strict=True):
        # All of a request's routes draw the same number, so a share is what lies between two thresholds.
        share = {**path, "runtime_fraction": {"default_value": {"numerator": below, "denominator": "HUNDRED"}}}
        yield _served(endpoint, deployments[name], leaf, share, mirrored=True)
    message = f"no deployment of endpoint {endpoint.name} has traffic; name one in the header {PIN}"
    yield {"match": path, **reply(Error(404, "NoTraffic", message)), **_named(endpoint)}


def _no_such_deployment(endpoint: Endpoint, path: Json) -> Json:
    known = ", ".join(each.name for each in endpoint.deployments) or "none"
    message = f"endpoint {endpoint.name} has no deployment as the header {PIN} says; there are: {known}"
    match = {**path, "headers": [{"name": PIN, "present_match": True}]}
    return {"match": match, **reply(Error(404, "DeploymentNotFound", message)), **_named(endpoint)}


def _no_such_path(endpoint: Endpoint) -> Json:
    return reply(Error(404, "PathNotFound", f"only {path_of(endpoint)}score and swagger.json answer"))


def _served(endpoint: Endpoint, deployment: Deployment, leaf: str, match: Json, *, mirrored: bool) -> Json:
    names = {"name": f"{endpoint.name}/{deployment.name}", "match": match, **logged(endpoint.name, deployment.name)}
    if leaf == _OTHER and not deployment.own_paths:
        return {**names, **_no_such_path(endpoint)}
    action = {
        "cluster": cluster_name(endpoint.name, deployment.name),
        "prefix_rewrite": {SCORE: deployment.scoring_path, SWAGGER: f"/{SWAGGER}", _OTHER: "/"}[leaf],
        "timeout": seconds(deployment.timeout_ms / 1000),
        # The timeout counts from the end of the request. A client that stops in the middle of it would keep the
        # backend for ever.
        "idle_timeout": seconds(deployment.timeout_ms / 1000 + 1),
        **full_again(deployment),
        **(copies(endpoint) if mirrored and leaf == SCORE else {}),
    }
    kind = "kubernetes" if endpoint.kubernetes else "swagger" if leaf == SWAGGER else ""
    return {
        **names,
        "route": action,
        # Only the server that holds requests back may say that it is full.
        **({} if deployment.queues else {"response_headers_to_remove": [REASON]}),
        **({"typed_per_filter_config": rules(kind)} if kind else {}),
    }


def _refused(endpoint: Endpoint, match: Mapping[str, object], answer: Json) -> Json:
    return {"match": {"prefix": path_of(endpoint), **match}, **answer, **_named(endpoint)}


def _named(endpoint: Endpoint) -> Json:
    return {"name": f"{endpoint.name}/", **logged(endpoint.name)}


def _is_not(name: str, value: str) -> Json:
    exact = {"name": name, "string_match": {"exact": value}}
    return {**exact, "invert_match": True, "treat_missing_header_as_empty": True}


def _matching(name: str, pattern: str) -> Json:
    return {"name": name, "string_match": {"safe_regex": {"regex": pattern}}}


def _taken(entries: list[Json]) -> Json:
    actions = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteList", "routes": entries}
    return {"action": {"name": "routes", "typed_config": actions}}
