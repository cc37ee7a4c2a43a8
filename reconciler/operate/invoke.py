"""Send a request to an endpoint of a target as its users would: through the gateway, with a key or a token."""

from reconciler.core.address import Address
from reconciler.core.answer import Answer
from reconciler.core.state import Live
from reconciler.errors import MlopsError
from reconciler.operate.access import credential_source, live_object
from reconciler.operate.client import Caller
from reconciler.operate.http_line import Access
from reconciler.workspace import Workspace


def invoke(workspace: Workspace, endpoint: Address, body: bytes, *, deployment: str = "", token: str = "") -> Answer:
    """POST a JSON body to the endpoint once, to one of its deployments if it is named; whatever it answers is given.

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
    caller = Caller(str(endpoint), lambda: access_of(workspace, endpoint, token=token), retries=0)
    try:
        return caller.invoke(body, deployment=deployment, check=False)
    finally:
        caller.close()


def access_of(workspace: Workspace, endpoint: Address, *, token: str = "") -> Access:
    """Where an endpoint is, and what opens it.

    Args:
        workspace: the target.
        endpoint: whom to ask.
        token: what opens it; without it a key or a fresh token of the provider's.

    Raises:
        MlopsError: the endpoint is not there, or serves nothing.
        ProviderError: no token is given, and the provider hands out none.
    """
    live = live_object(workspace, endpoint)
    uri = str(live.detail.get("scoring_uri", ""))
    if not uri:
        raise MlopsError(f"{endpoint} cannot be invoked: provider {workspace.provider.name} serves nothing")
    return Access(uri, token or _credential(workspace, live), live.detail.get("certificate") or {})


def _credential(workspace: Workspace, live: Live) -> str:
    if live.spec.get("auth_mode") == "aad_token":
        raise MlopsError(
            f"{live.address} is opened by the tokens of an issuer; give one by --token FILE, or in MLOPS_TOKEN"
        )
    found = credential_source(workspace).credentials(live.address)
    return str(found.get("accessToken") or found["primaryKey"])
