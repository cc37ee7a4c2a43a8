"""One key of an endpoint is replaced, while nobody else changes the target."""

from reconciler.attending import locked
from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.providers.provider import Key, KeyRotation
from reconciler.workspace import Workspace


def rotate_key(
    workspace: Workspace,
    endpoint: Address,
    which: Key,
    *,
    command: str = "credentials --rotate",
    lock_timeout_s: float = 0,
) -> None:
    """Put a new key in force in the place of an old one.

    Args:
        workspace: the target.
        endpoint: whose key.
        which: of its two.
        command: what whoever waits for it is told.
        lock_timeout_s: how long to wait for another run to end.

    Raises:
        LockHeldError: another run holds the target.
        ProviderError: the provider cannot, the endpoint has no keys, or the new one cannot be put in force.
    """
    if not isinstance(workspace.provider, KeyRotation):
        raise ProviderError(f"provider {workspace.provider.name} has no keys to rotate")
    with locked(workspace, f"mlops {command}", timeout_s=lock_timeout_s):
        workspace.provider.rotate(endpoint, which)
