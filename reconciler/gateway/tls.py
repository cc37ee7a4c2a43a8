"""TLS of the gateway: how connections are secured, and the files that the certificate is read from."""

from reconciler.gateway.replies import Json
from reconciler.gateway.values import Tls

NAME = "certificate"
_EXTENSIONS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"


def secured(source: Json) -> Json:
    """Return the part of a listener that makes it speak TLS, and HTTP/2 where the client can; see `certificate`."""
    context = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [{"name": NAME, "sds_config": source}],
    }
    config = {"@type": f"{_EXTENSIONS}.DownstreamTlsContext", "common_tls_context": context}
    return {"transport_socket": {"name": "tls", "typed_config": config}}


def is_secured(listeners: list[Json]) -> bool:
    """Tell whether a listener of these speaks TLS."""
    return any("transport_socket" in chain for each in listeners for chain in each["filter_chains"])


def certificate(tls: Tls) -> Json:
    """Return where the certificate and its key are; a rename in the certificate's folder has both read anew.

    Also Kubernetes replaces the files of a mounted secret by a rename there, of the folder that they are links into.
    """
    return {
        "@type": f"{_EXTENSIONS}.Secret",
        "name": NAME,
        "tls_certificate": {
            "certificate_chain": {"filename": str(tls.cert_file)},
            "private_key": {"filename": str(tls.key_file)},
            "watched_directory": {"path": str(tls.cert_file.parent)},
        },
    }
