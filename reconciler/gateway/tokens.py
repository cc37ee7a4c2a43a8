"""Signed tokens: the filter that verifies them, what asks for it on a route, and where issuers' keys come from."""

from urllib.parse import urlsplit

from reconciler.gateway.replies import Json
from reconciler.gateway.values import Endpoint, Gateway, Tokens

FILTER = "tokens"
FILTER_TYPE = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_METADATA = "envoy.filters.http.jwt_authn"
_PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"


def token_filter(gateway: Gateway) -> Json:
    """Return the filter that verifies the tokens of all endpoints, each by an entry with the endpoint's name."""
    known = {each.name: each.tokens for each in gateway.endpoints if each.tokens}
    return {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": FILTER,
        "typed_config": {
            "@type": FILTER_TYPE,
            "providers": {name: _provider(name, tokens) for name, tokens in known.items()},
            "requirement_map": {name: _either(name) for name in known},
        },
    }


def with_former(wanted: Json, former: list[Json]) -> Json:
    """Return the filter with what a former one has besides, for routes that are still in force."""
    merged = dict(wanted["typed_config"])
    for each in former:
        for name in ("providers", "requirement_map"):
            merged[name] = {**each["typed_config"][name], **merged[name]}
    return {**wanted, "typed_config": merged}


def verified(endpoint: Endpoint) -> Json:
    """Return the part of a route that has a request's token verified; the request is routed anew where it is good."""
    return {"typed_per_filter_config": {FILTER: {"@type": _PER_ROUTE, "requirement_name": endpoint.name}}}


def without_token(endpoint: Endpoint) -> Json:
    """Return what a route matches by as long as no good token of this endpoint was seen."""
    path = [{"key": endpoint.name}, {"key": "iss"}]
    return {"filter": _METADATA, "path": path, "value": {"present_match": True}, "invert": True}


def issuer_clusters(gateway: Gateway) -> list[Json]:
    """Return where the keys of issuers are fetched that publish them."""
    return [
        _issuer(each.name, each.tokens, gateway) for each in gateway.endpoints if each.tokens and not each.tokens.keys
    ]


def issuer_name(endpoint: str) -> str:
    """Return the name by which the proxy knows where an endpoint's issuer publishes; no deployment's is like it."""
    return f"jwks_{endpoint}"


def _provider(name: str, tokens: Tokens) -> Json:
    return {
        "issuer": tokens.issuer,
        "audiences": [tokens.audience],
        "require_expiration": True,
        "clock_skew_seconds": 5,
        # By default a token may also stand in the address, which is logged.
        "from_headers": [{"name": "Authorization", "value_prefix": scheme} for scheme in ("Bearer ", "bearer ")],
        "payload_in_metadata": name,
        "clear_route_cache": True,
        **(_given(tokens.keys) if tokens.keys else _fetched(name, tokens.uri)),
    }


def _given(keys: str) -> Json:
    # A signature takes longer to verify than all the rest of a request. Other keys are another filter, with no memory.
    return {"local_jwks": {"inline_string": keys}, "jwt_cache_config": {"jwt_cache_size": 1000}}


def _fetched(name: str, uri: str) -> Json:
    """Fetched ahead of their end, so that no request waits, and those at hand are good while the issuer is down."""
    http = {"uri": uri, "cluster": issuer_name(name), "timeout": "5s"}
    ahead = {"fast_listener": True, "failed_refetch_duration": "1s"}
    return {"remote_jwks": {"http_uri": http, "cache_duration": "60s", "async_fetch": ahead}}


def _either(name: str) -> Json:
    """A bad token is no refusal yet: the route is, and it says so in the words of all other refusals."""
    return {"requires_any": {"requirements": [{"provider_name": name}, {"allow_missing_or_failed": {}}]}}


def _issuer(name: str, tokens: Tokens, gateway: Gateway) -> Json:
    parts = urlsplit(tokens.uri)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = {"socket_address": {"address": host, "port_value": port}}
    found: Json = {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": issuer_name(name),
        "type": "STRICT_DNS",
        "dns_lookup_family": "ALL",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": issuer_name(name),
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if parts.scheme == "https":
        found["transport_socket"] = {"name": "tls", "typed_config": _trusting(host, str(gateway.ca_file))}
    return found


def _trusting(host: str, ca_file: str) -> Json:
    names = [{"san_type": kind, "matcher": {"exact": host}} for kind in ("DNS", "IP_ADDRESS")]
    context = {"trusted_ca": {"filename": ca_file}, "match_typed_subject_alt_names": names}
    return {"@type": _TLS, "sni": host, "common_tls_context": {"validation_context": context}}
