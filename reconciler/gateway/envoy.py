"""How Envoy is started and where it listens: its command line, its bootstrap and its listener."""

from pathlib import Path

from reconciler.gateway import tls, tokens
from reconciler.gateway.access_log import access_log
from reconciler.gateway.durations import seconds
from reconciler.gateway.refusals import proxy_errors
from reconciler.gateway.replies import Json, model_errors
from reconciler.gateway.routes import NAME
from reconciler.gateway.values import Gateway, Place

_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_MANAGER = f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_EXTENSIONS}.filters.http.router.v3.Router"
_BODY_LIMIT = f"{_EXTENSIONS}.filters.http.body_size_limit.v3.BodySizeLimit"
_REQUEST_ID = f"{_EXTENSIONS}.request_id.uuid.v3.UuidRequestIdConfig"
# What one connection may have under way, and have the proxy keep for it; by default that is 1024 times 16 MiB.
_HTTP2 = {"max_concurrent_streams": 100, "initial_stream_window_size": 65536, "initial_connection_window_size": 1 << 20}

KEPT_STATISTICS = (
    ".membership_healthy",
    ".membership_total",
    ".upstream_cx_active",
    ".upstream_cx_total",
    ".upstream_rq_2xx",
    ".upstream_rq_4xx",
    ".upstream_rq_5xx",
    ".upstream_rq_active",
    ".upstream_rq_active_overflow",
    ".upstream_rq_pending_active",
    ".upstream_rq_pending_overflow",
    ".upstream_rq_retry",
    ".upstream_rq_time",
    ".upstream_rq_timeout",
    ".upstream_rq_total",
)


def command(binary: str, place: Place, *, log_level: str = "warning", log: Path | None = None) -> tuple[str, ...]:
    """Return Envoy's command line. Limits are exact only with one worker thread.

    Args:
        log: the file that it logs to; without it that is its standard error.
    """
    return (
        *(binary, "--config-path", str(place.bootstrap)),
        *("--concurrency", "1"),
        # Neither shared memory nor a base id, over which several proxies of one machine would meet.
        "--disable-hot-restart",
        # Without this a misspelt field is passed over, and what is left goes live.
        "--reject-unknown-dynamic-fields",
        *("--log-level", log_level),
        # A line for every refused request, with its query, which may be what a model is asked.
        *("--component-log-level", "http:critical"),
        *(("--log-path", str(log)) if log else ()),
        *("--file-flush-interval-msec", "250"),
        # Of a listener that was replaced, every connection ends with its next answer, not some within ten minutes.
        *("--drain-strategy", "immediate"),
    )


def bootstrap(place: Place) -> Json:
    """Return what Envoy starts with: its private admin socket, and the files that hold all the rest."""
    return {
        "node": {"id": "mlops", "cluster": "mlops"},
        "admin": {"address": {"pipe": {"path": str(place.admin), "mode": 0o600}}, "allow_paths": _admin_paths()},
        "dynamic_resources": {
            "lds_config": _file(str(place.listeners), str(place.folder)),
            "cds_config": _file(str(place.clusters), str(place.folder)),
        },
        # By default it has room for no more than a length of 48; that of ids is 101.
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 300}}]},
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": _kept_statistics()}}},
    }


def _admin_paths() -> list[Json]:
    """What may be asked of the admin socket; not for the configuration, which would be told with all keys in it."""
    prefixes = ("/stats?", "/stats/prometheus", "/drain_listeners?")
    whole = ("/server_info", "/listeners?format=json", "/clusters?format=json", "/certs")
    return [*({"prefix": each} for each in prefixes), *({"exact": each} for each in (*whole, "/reopen_logs"))]


def _kept_statistics() -> list[Json]:
    """A deployment has some 200 statistics; these are used, and without the others hundreds of endpoints stay quick."""
    prefixes = ("cluster_manager.", "listener_manager.", "extension_config_", "sds.", f"http.{NAME}.", "server.")
    return [*({"prefix": each} for each in prefixes), *({"suffix": each} for each in KEPT_STATISTICS)]


def listener(gateway: Gateway, place: Place) -> Json:
    """Return the one listener of a gateway."""
    address = {"socket_address": {"address": gateway.host, "port_value": gateway.port}}
    chain = {"filters": [{"name": "http", "typed_config": _manager(gateway, place)}]}
    if gateway.tls:
        chain |= tls.secured(_file(str(place.certificates), str(place.folder)))
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": NAME,
        "address": address,
        # So that another process can take over. Whoever starts the first one looks whether the port is free.
        "enable_reuse_port": True,
        "filter_chains": [chain],
    }


def _manager(gateway: Gateway, place: Place) -> Json:
    return {
        "@type": _MANAGER,
        "stat_prefix": NAME,
        "rds": {"route_config_name": NAME, "config_source": _file(str(place.routes), str(place.folder))},
        "http_filters": _filters(gateway, place),
        "local_reply_config": {"mappers": proxy_errors()},
        "access_log": [access_log(str(place.access_log))],
        "server_name": "mlops",
        "use_remote_address": True,
        "preserve_external_request_id": True,
        "request_id_extension": {"typed_config": {"@type": _REQUEST_ID, "pack_trace_reason": False}},
        "always_set_request_id_in_response": True,
        "request_headers_timeout": "10s",
        # Of a body too: one that comes byte by byte keeps its place at an instance for so long.
        "request_timeout": seconds(gateway.max_request_s),
        "http2_protocol_options": _HTTP2,
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "localhost"},
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _filters(gateway: Gateway, place: Place) -> list[Json]:
    limit = {"name": "limit", "typed_config": {"@type": _BODY_LIMIT, "max_request_bytes": gateway.max_body_bytes}}
    return [
        model_errors(),
        *([limit] if gateway.max_body_bytes else []),
        # Discovered, so that other tokens need no other listener, which would close every connection.
        {
            "name": tokens.FILTER,
            "config_discovery": {
                "config_source": _file(str(place.tokens), str(place.folder)),
                "type_urls": [tokens.FILTER_TYPE],
            },
        },
        {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}},
    ]


def _file(path: str, folder: str) -> Json:
    """A file that Envoy reads anew when another is renamed over it."""
    return {"resource_api_version": "V3", "path_config_source": {"path": path, "watched_directory": {"path": folder}}}
