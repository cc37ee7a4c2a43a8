"""What the local target cannot do of what is wanted, said before anything is touched."""

from collections.abc import Callable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.providers.hosting.asset_objections import finder, to_model
from reconciler.providers.hosting.objections import to_collecting, to_endpoints
from reconciler.providers.local.deployment_objections import to_deployment
from reconciler.providers.local.options import LocalOptions

Lookup = Callable[[Address], Spec | None]


def objections(resources: Sequence[Resource], registered: Lookup, options: LocalOptions) -> Iterator[Problem]:
    """Every objection to the resources.

    Args:
        resources: what is wanted of the target.
        registered: finds assets that the target holds already.
        options: the target's.
    """
    find = finder(resources, registered)
    yield from to_endpoints(resources, "local", options.common)
    for resource in resources:
        if resource.address.kind == "model":
            yield from to_model(resource, "path", resource.spec, "local")
        elif resource.address.kind == "deployment":
            yield from to_deployment(resource, find, server=options.server)
            yield from to_collecting(resource, "local")
