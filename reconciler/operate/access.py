"""What every command of day two begins with: the live object of an address, and the provider's small abilities."""

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.core.words import nearest
from reconciler.errors import MlopsError, ProviderError
from reconciler.kinds.references import made_by
from reconciler.providers.provider import CredentialSource, LogSource, TableSource
from reconciler.workspace import Workspace


def live_object(workspace: Workspace, address: Address) -> Live:
    """The object as the provider sees it.

    Raises:
        MlopsError: there is none; the message names the nearest that is there.
    """
    found = workspace.provider.observe(address)
    if found is None:
        raise MlopsError(f"{address} is not there (target {workspace.target.name}){_near(workspace, address)}")
    return found


def credential_source(workspace: Workspace) -> CredentialSource:
    """The provider as one that hands out keys.

    Raises:
        ProviderError: it is none.
    """
    if not isinstance(workspace.provider, CredentialSource):
        raise ProviderError(f"provider {workspace.provider.name} has no credentials to hand out")
    return workspace.provider


def log_source(workspace: Workspace) -> LogSource:
    """The provider as one that shows logs.

    Raises:
        ProviderError: it is none.
    """
    if not isinstance(workspace.provider, LogSource):
        raise ProviderError(f"provider {workspace.provider.name} has no logs to show")
    return workspace.provider


def table_source(workspace: Workspace) -> TableSource:
    """The provider as one that keeps logs in Azure's tables.

    Raises:
        ProviderError: it is none.
    """
    if not isinstance(workspace.provider, TableSource):
        raise ProviderError(f"provider {workspace.provider.name} keeps no logs")
    return workspace.provider


def _near(workspace: Workspace, address: Address) -> str:
    found = [item.address for item in workspace.provider.list() if item.address.kind == address.kind]
    names = [str(each) for each in found]
    # Of the whole addresses too much would be alike.
    if near := nearest(_named(address), map(_named, found)):
        return f"; did you mean {address.kind}/{near}?"
    if names:
        return f"; there are: {', '.join(sorted(names)[:5])}"
    return f"; apply it first, or make it: {made_by(address)}"


def _named(address: Address) -> str:
    return str(address).partition("/")[2]
