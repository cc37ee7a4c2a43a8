"""Takes away everything that a target holds, so that nothing outlives a test."""

from reconciler.core.plan import Action, Operation, Step
from reconciler.providers.provider import Provider


def delete_everything(provider: Provider) -> None:
    """Delete deployments, then the rest."""
    for item in sorted(provider.list(), key=lambda item: (item.address.kind == "endpoint", str(item.address))):
        step = Step(1, Action.DELETE, item.address, "the test ends", (), item.spec, None)
        provider.delete(step, Operation("end", item.lineage, item.generation + 1000))
