"""The command that takes live objects over: import."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.asking import agreed
from reconciler.cli.saying import say
from reconciler.cli.wishes import address_of

if TYPE_CHECKING:
    from reconciler.core.state import Live

Addresses = Annotated[
    list[str], typer.Argument(metavar="ADDRESS...", help="endpoint/NAME, deployment/ENDPOINT/NAME, …")
]


def take_over(
    addresses: Addresses, target: o.Target = None, auto_approve: o.AutoApprove = False, lock_timeout: o.LockTimeout = 0
) -> int:
    """Take over live objects that another state made, or nobody's.

    They get this state's mark and are recorded as they are; what runs is not touched. Whoever had them before is
    refused from then on. Plan afterwards: what the manifests say otherwise shows as changes.

    \b
    Examples:
      mlops import endpoint/credit deployment/credit/blue
      mlops import model/risk:3 -t prod --auto-approve
    """
    from reconciler.operate.importing import take_over as taken_over  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    def confirm(found: "Sequence[Live]") -> bool:
        say("\n".join(map(_told, found)))
        return auto_approve or agreed("Take these over?", flag="--auto-approve")

    named = [address_of(each) for each in addresses]
    with open_workspace(target) as workspace:
        done = taken_over(workspace, named, confirm, lock_timeout_s=lock_timeout)
    if done is None:
        say("Nothing was changed.")
        return 1
    say(f"Imported {', '.join(str(item.address) for item in done)}; `mlops plan` tells what differs.")
    return 0


def _told(item: "Live") -> str:
    whose = f"of the state of lineage {item.lineage}" if item.lineage else "of no state"
    return f"  + {item.address}: {whose}, generation {item.generation}, {item.status}"
