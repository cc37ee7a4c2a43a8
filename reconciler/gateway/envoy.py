"""How Envoy is started and where it listens: its command line, its bootstrap and its listener."""

from reconciler.gateway.replies import Json, model_errors, proxy_errors
from reconciler.gateway.routes import NAME
from reconciler.gateway.values import Gateway, Place

_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_MANAGER = f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_EXTENSIONS}.filters.http.router.v3.Router"
_FILE_LOG = f"{_EXTENSIONS}.access_loggers.file.v3.FileAccessLog"
_REQUEST_ID = f"{_EXTENSIONS}.request_id.uuid.v3.UuidRequestIdConfig"

KEPT_STATISTICS = (
    ".membership_healthy",
    ".membership_total",
    ".upstream_cx_active",
    ".upstream_cx_total",
    ".upstream_rq_2xx",
    ".upstream_rq_4xx",
    ".upstream_rq_5xx",
    ".upstream_rq_active",
    ".upstream_rq_pending_active",
    ".upstream_rq_pending_overflow",
    ".upstream_rq_retry",
    ".upstream_rq_time",
    ".upstream_rq_timeout",
    ".upstream_rq_total",
)

# Named as the columns of Azure's AmlOnlineEndpointTrafficLog where it has them.
ACCESS_LOG = {
    "TimeGenerated": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "Method": "%REQ(:METHOD)%",
    "Path": "%PATH(NQ:ORIG)%",
    "Route": "%ROUTE_NAME%",
    "Instance": "%UPSTREAM_HOST_NAME%",
    "Protocol": "%PROTOCOL%",
    "ResponseCode": "%RESPONSE_CODE%",
    "ResponseCodeReason": "%RESPONSE_FLAGS%",
    "ModelStatusCode": "%RESP(MS-AZUREML-MODEL-ERROR-STATUSCODE)%",
    "ModelStatusReason": "%RESP(MS-AZUREML-MODEL-ERROR-REASON)%",
    "RequestPayloadSize": "%BYTES_RECEIVED%",
    "ResponsePayloadSize": "%BYTES_SENT%",
    "UserAgent": "%REQ(USER-AGENT):70%",
    "XRequestId": "%REQ(X-REQUEST-ID)%",
    "XMSClientRequestId": "%REQ(X-MS-CLIENT-REQUEST-ID):40%",
    "TotalDurationMs": "%DURATION%",
    "RequestDurationMs": "%REQUEST_DURATION%",
    "ResponseDurationMs": "%RESPONSE_DURATION%",
}


def command(binary: str, place: Place, *, log_level: str = "warning") -> tuple[str, ...]:
    """Return Envoy's command line; it logs to its standard error. Limits are exact only with one worker thread."""
    return (
        *(binary, "--config-path", str(place.bootstrap)),
        *("--concurrency", "1"),
        # Neither shared memory nor a base id, over which several proxies of one machine would meet.
        "--disable-hot-restart",
        # Without this a misspelt field is passed over, and what is left goes live.
        "--reject-unknown-dynamic-fields",
        *("--log-level", log_level),
        *("--file-flush-interval-msec", "250"),
    )


def bootstrap(place: Place) -> Json:
    """Return what Envoy starts with: its private admin socket, and the files that hold all the rest."""
    return {
        "node": {"id": "mlops", "cluster": "mlops"},
        "admin": {"address": {"pipe": {"path": str(place.admin), "mode": 0o600}}},
        "dynamic_resources": {
            "lds_config": _file(str(place.listeners), str(place.folder)),
            "cds_config": _file(str(place.clusters), str(place.folder)),
        },
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": _kept_statistics()}}},
    }


def _kept_statistics() -> list[Json]:
    """A deployment has some 200 statistics; these are used, and without the others hundreds of endpoints stay quick."""
    prefixes = ("cluster_manager.", "listener_manager.", f"http.{NAME}.", "server.")
    return [*({"prefix": each} for each in prefixes), *({"suffix": each} for each in KEPT_STATISTICS)]


def listener(gateway: Gateway, place: Place) -> Json:
    """Return the one listener of a gateway."""
    address = {"socket_address": {"address": gateway.host, "port_value": gateway.port}}
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": NAME,
        "address": address,
        # Else a second proxy on this port would silently take half of the requests.
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": _manager(place)}]}],
    }


def _manager(place: Place) -> Json:
    return {
        "@type": _MANAGER,
        "stat_prefix": NAME,
        "rds": {"route_config_name": NAME, "config_source": _file(str(place.routes), str(place.folder))},
        "http_filters": [model_errors(), {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
        "local_reply_config": {"mappers": proxy_errors()},
        "access_log": [{"name": "file", "typed_config": _access_log(place)}],
        "server_name": "mlops",
        "use_remote_address": True,
        "request_id_extension": {"typed_config": {"@type": _REQUEST_ID, "pack_trace_reason": False}},
        "always_set_request_id_in_response": True,
        "request_headers_timeout": "10s",
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "localhost"},
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _access_log(place: Place) -> Json:
    return {"@type": _FILE_LOG, "path": str(place.access_log), "log_format": {"json_format": ACCESS_LOG}}


def _file(path: str, folder: str) -> Json:
    """A file that Envoy reads anew when another is renamed over it."""
    return {"resource_api_version": "V3", "path_config_source": {"path": path, "watched_directory": {"path": folder}}}
