"""Send a request to an endpoint as its users would: through the gateway, with a key."""

import http.client
import urllib.parse
from dataclasses import dataclass

from reconciler.core.address import Address
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


def invoke(workspace: Workspace, endpoint: str, body: bytes, *, deployment: str = "") -> Answer:
    """POST a JSON body to the endpoint, to one of its deployments if it is named.

    Raises:
        MlopsError: the endpoint is not there, serves nothing, or cannot be reached.
    """
    address = Address("endpoint", endpoint.lower())
    live = live_object(workspace, address)
    uri = str(live.detail.get("scoring_uri", ""))
    if not uri:
        raise MlopsError(f"{address} cannot be invoked: provider {workspace.provider.name} serves nothing")
    headers = {"Content-Type": "application/json"}
    if live.spec.get("auth_mode", "key") == "key":
        headers["Authorization"] = f"Bearer {credential_source(workspace).credentials(address)['primaryKey']}"
    if deployment:
        headers["azureml-model-deployment"] = deployment.lower()
    return _post(uri, body, headers)


def _post(uri: str, body: bytes, headers: dict[str, str]) -> Answer:
    place = urllib.parse.urlsplit(uri)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", place.path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.reason, tuple(response.getheaders()), response.read())
    except (OSError, http.client.HTTPException) as error:
        raise MlopsError(f"{uri} does not answer: {error}; `mlops status` tells what runs") from error
    finally:
        connection.close()
