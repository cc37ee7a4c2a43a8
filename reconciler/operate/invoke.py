"""Send a request to an endpoint as its users would: through the gateway, with a key or a token."""

import http.client
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import MlopsError
from reconciler.operate.access import credential_source, live_object
from reconciler.workspace import Workspace

TIMEOUT_S = 300


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def invoke(workspace: Workspace, endpoint: Address, body: bytes, *, deployment: str = "", token: str = "") -> Answer:
    """POST a JSON body to the endpoint, to one of its deployments if it is named.

    Args:
        workspace: the target.
        endpoint: whom to ask.
        body: the request.
        deployment: who is to answer, whatever the traffic.
        token: what opens the endpoint; without it a key or a fresh token of the provider's is sent.

    Raises:
        MlopsError: the endpoint is not there, serves nothing, or cannot be reached.
        ProviderError: no token is given, and the provider hands out none.
    """
    live = live_object(workspace, endpoint)
    uri = str(live.detail.get("scoring_uri", ""))
    if not uri:
        raise MlopsError(f"{endpoint} cannot be invoked: provider {workspace.provider.name} serves nothing")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token or _credential(workspace, live)}"}
    if deployment:
        headers["azureml-model-deployment"] = deployment.lower()
    return _post(uri, body, headers, live.detail.get("certificate") or {})


def _credential(workspace: Workspace, live: Live) -> str:
    if live.spec.get("auth_mode") == "aad_token":
        raise MlopsError(
            f"{live.address} is opened by the tokens of an issuer; give one by --token FILE, or in MLOPS_TOKEN"
        )
    found = credential_source(workspace).credentials(live.address)
    return str(found.get("accessToken") or found["primaryKey"])


def _post(uri: str, body: bytes, headers: dict[str, str], certificate: Mapping[str, Any]) -> Answer:
    place = urllib.parse.urlsplit(uri)
    connection = _connection(place, certificate)
    try:
        connection.request("POST", place.path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.reason, tuple(response.getheaders()), response.read())
    except ssl.SSLCertVerificationError as error:
        raise MlopsError(
            f"the certificate at {uri} is not trusted: {error.verify_message}; `mlops plan` tells whether it is due"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise MlopsError(f"{uri} does not answer: {error}; `mlops status` tells what runs") from error
    finally:
        connection.close()


def _connection(place: urllib.parse.SplitResult, certificate: Mapping[str, Any]) -> http.client.HTTPConnection:
    host = place.hostname or ""
    if place.scheme != "https":
        return http.client.HTTPConnection(host, place.port, timeout=TIMEOUT_S)
    context = ssl.create_default_context()
    if certificate:
        context = _trusting(str(certificate["file"]), alone=bool(certificate["self_signed"]))
    return http.client.HTTPSConnection(host, place.port, timeout=TIMEOUT_S, context=context)


def _trusting(file: str, *, alone: bool) -> ssl.SSLContext:
    """Trust the gateway's own certificate, and unless it stands `alone` whom this machine trusts too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if alone else ssl.create_default_context()
    try:
        context.load_verify_locations(file)
    except OSError as error:
        raise MlopsError(f"the gateway's certificate {file} cannot be read: {error}") from error
    # The certificate itself will do, be it that of an authority or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
