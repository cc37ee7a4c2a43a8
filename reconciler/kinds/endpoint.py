"""An online endpoint: a name, a way to authenticate, and traffic among its deployments."""

from reconciler.kinds.kind import Kind
from reconciler.kinds.marks import KEYLESS

_COMMON = {
    "description": "",
    "tags": {},
    "properties": {},
    "auth_mode": "key",
    "identity": {"type": "system_assigned"},
}

ENDPOINT = Kind(
    name="endpoint",
    command="online-endpoint",
    schemas={"managedonlineendpoint": "managed", "kubernetesonlineendpoint": "kubernetes"},
    defaults={"managed": {**_COMMON, "public_network_access": "enabled"}, "kubernetes": _COMMON},
    integers=frozenset({"traffic.*", "mirror_traffic.*"}),
    lowered=frozenset({"auth_mode", "identity.type", "public_network_access"}),
    route=frozenset({"traffic", "mirror_traffic"}),
    replace=frozenset({"identity", "location", "compute"}),
    ignored=frozenset({"id", "provisioning_state", "scoring_uri", "openapi_uri", "kind"}),
    left_alone=frozenset({"traffic", "mirror_traffic"}),
    marks=frozenset({KEYLESS}),
    symptoms={"outdated_gateway": "the gateway does not follow its options"},
    known_by=(
        frozenset({"name", "auth_mode"}),
        frozenset({"name", "traffic"}),
        frozenset({"name", "mirror_traffic"}),
        frozenset({"name", "public_network_access"}),
    ),
    decided_by="auth_mode",
    kubernetes_by=("compute", ""),
)
