"""What the local target cannot do of what is wanted, said before anything is touched."""

from collections.abc import Callable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.providers.hosting.objections import to_endpoints
from reconciler.providers.local.deployment_objections import Asset, asset_of, to_deployment, to_model
from reconciler.providers.local.options import LocalOptions

Lookup = Callable[[Address], Spec | None]


def objections(resources: Sequence[Resource], registered: Lookup, options: LocalOptions) -> Iterator[Problem]:
    """Every objection to the resources.

    Args:
        resources: what is wanted of the target.
        registered: finds assets that the target holds already.
        options: the target's.
    """
    wanted = {resource.address: resource for resource in resources}

    def find(address: Address) -> Asset | None:
        if address in wanted:
            return asset_of(wanted[address])
        spec = registered(address)
        return Asset(spec) if spec else None

    yield from to_endpoints(resources, "local", options.common)
    for resource in resources:
        if resource.address.kind == "model":
            yield from to_model(resource, "path", resource.spec)
        elif resource.address.kind == "deployment":
            yield from to_deployment(resource, find, server=options.server)
