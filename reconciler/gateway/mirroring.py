"""Mirror traffic: which requests a deployment gets a copy of; what it answers is thrown away."""

import json

from reconciler.gateway.replies import LUA, Json, lua
from reconciler.gateway.values import Endpoint, shadow_name

_CODEC = "envoy.filters.http.upstream_codec"
_CODEC_TYPE = "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"


def copies(endpoint: Endpoint) -> Json:
    """Return the part of a route that copies its requests to the endpoint's mirrored deployments.

    A request draws one number, for its share of the traffic and for each copy. So where several deployments are live,
    the copies are of the requests to the first of them, and of two mirrored deployments one gets a part of the other's.
    """
    found = [_copy(shadow_name(endpoint.name, name), share) for name, share in endpoint.mirror.items() if share]
    return {"request_mirror_policies": found} if found else {}


def led_to(path: str) -> Json:
    """Return the part of a cluster's HTTP options that leads every request to one path: a copy has the live one's."""
    source = f"""\
function envoy_on_request(handle)
  local query = string.match(handle:headers():get(":path"), "%?.*") or ""
  handle:headers():replace(":path", {json.dumps(path)} .. query)
end
"""
    codec = {"name": _CODEC, "typed_config": {"@type": _CODEC_TYPE}}
    return {"http_filters": [{"name": LUA, "typed_config": lua(source)}, codec]}


def _copy(cluster: str, share: int) -> Json:
    return {
        "cluster": cluster,
        "runtime_fraction": {"default_value": {"numerator": share, "denominator": "HUNDRED"}},
        "disable_shadow_host_suffix_append": True,
    }
