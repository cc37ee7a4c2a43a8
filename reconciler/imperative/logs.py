"""What `online-deployment get-logs` prints."""

from reconciler.core.address import Address
from reconciler.operate.logs import Wish, kept_lines, log_lines
from reconciler.providers.provider import TableSource
from reconciler.workspace import Workspace


def last_lines(workspace: Workspace, address: Address, *, lines: int, container: str) -> list[str]:
    """The last lines of every instance; of a deployment that is not there any more, or failed to come, those kept.

    On Azure a deployment that could not be made stays, and scripts look into its log.

    Raises:
        MlopsError: there is no such deployment, and no line of one.
    """
    wish = Wish(address, container=container, tail=lines)
    if isinstance(workspace.provider, TableSource) and workspace.provider.observe(address) is None:
        kept = list(kept_lines(workspace, wish))
        if kept:
            return kept
    return list(log_lines(workspace, wish))
