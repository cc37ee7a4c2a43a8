"""Containers of ours that nothing speaks of: reported as what is left of a deployment, and cleared away by an apply.

They come from a process that was killed while the target's folder and its records were lost, or from a copy of either
that is older than they are. A container of another state is told too, and never touched.
"""

from collections.abc import Collection, Iterable

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers.docker.seeing import Container

STATUS = "Orphaned"


def orphans(found: Iterable[Container], held: Collection[Address]) -> tuple[Live, ...]:
    """What is left of deployments that no object speaks of, one for each, by address.

    Args:
        found: the containers of the project.
        held: the deployments that there are objects of.
    """
    left: dict[Address, list[Container]] = {}
    for each in found:
        if each.deployment not in held:
            left.setdefault(each.deployment, []).append(each)
    return tuple(_live(left[address]) for address in sorted(left))


def refuse_others(deployment: Address, found: Iterable[Container], operation: Operation) -> None:
    """Let nobody clear away what another state has made.

    Raises:
        ProviderError: it has made one of the containers.
    """
    for each in found:
        if each.lineage != operation.lineage:
            raise ProviderError(
                f"{deployment}: container {each.id[:12]} has its name and was made by another state (lineage "
                f"{each.lineage}), so nothing was touched; remove it, or give the target another docker: project"
            )


def _live(left: list[Container]) -> Live:
    """The youngest container tells whose they are."""
    youngest = max(left, key=lambda each: (each.generation, each.created))
    count = "1 container" if len(left) == 1 else f"{len(left)} containers"
    detail = {"note": f"{count} that no record speaks of", "containers": sorted(each.id[:12] for each in left)}
    return Live(youngest.deployment, {}, youngest.lineage, youngest.generation, youngest.operation, STATUS, detail)
