"""What is wrong with the files among themselves: traffic, scaling bounds, sizes, scoring scripts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource
from reconciler.core.problem import Problem
from reconciler.core.words import nearest
from reconciler.kinds import KINDS
from reconciler.kinds.skus import SKUS, sku_of
from reconciler.late import pattern
from reconciler.preflight.moving import moving_names
from reconciler.preflight.scripts import script_problems
from reconciler.preflight.traffic import traffic_problems

_PLACEHOLDER = pattern(r"[<>{}]|^__.*__$")


def problems_of(
    resources: Sequence[Resource],
    broken: Sequence[Manifest],
    recorded: Collection[Address] | None,
    *,
    going: Collection[Address] = (),
    pinned: bool = False,
) -> Iterator[Problem]:
    """Every problem that the files have together.

    Args:
        resources: what resolved.
        broken: manifests that did not; their deployments exist by name.
        recorded: addresses that exist besides the files'; None when nothing is known of what lies elsewhere.
        going: addresses that are recorded and, where the files no longer have them, about to be deleted.
        pinned: whether names that may mean something else tomorrow are refused.
    """
    deployments, leaving = _by_endpoint([*(r.address for r in resources), *(recorded or ())]), _by_endpoint(going)
    for manifest in broken:
        endpoint, name = manifest.document.get("endpoint_name"), manifest.document.get("name")
        deployments[str(endpoint).lower()].add(str(name).lower())
    for resource in resources:
        if resource.address.kind == "endpoint":
            known = deployments[resource.address.name] if recorded is not None else None
            yield from traffic_problems(resource, known, leaving[resource.address.name])
        elif resource.address.kind == "deployment":
            yield from script_problems(resource.manifest)
            yield from _size_problems(resource)
            yield from _reserved_variables(resource)
        yield from _placeholders(resource)
        if resource.address.kind == resource.manifest.kind:  # what is inline is its deployment's to tell
            yield from moving_names(resource.manifest, pinned=pinned)


def _by_endpoint(addresses: Iterable[Address]) -> dict[str, set[str]]:
    """The names of deployments, by their endpoints'."""
    found: dict[str, set[str]] = defaultdict(set)
    for address in addresses:
        if address.endpoint:
            found[address.endpoint].add(address.name)
    return found


def _placeholders(resource: Resource) -> Iterator[Problem]:
    """A name that is a place left to fill in, as templates have it."""
    for field in ("name", "endpoint_name"):
        name = resource.manifest.document.get(field)
        if isinstance(name, str) and _PLACEHOLDER.search(name):
            yield resource.manifest.problem(
                field, "W-PLACEHOLDER", f"{field}: {name} is a placeholder; give it with --{field.replace('_', '-')}"
            )


def _size_problems(resource: Resource) -> Iterator[Problem]:
    """An unknown machine size cannot be held against a quota; kubernetes names its sizes itself."""
    size = resource.spec.get("instance_type")
    if resource.spec.get("type") == "kubernetes" or not isinstance(size, str) or sku_of(size):
        return
    near = nearest(size, SKUS)
    advice = f"; nearest: Standard_{SKUS[near].name}" if near else ""
    message = f"unknown instance_type {size}{advice}; it cannot be held against a quota"
    yield resource.manifest.problem("instance_type", "W-SKU", message)


def _reserved_variables(resource: Resource) -> Iterator[Problem]:
    """A variable of the server's own wins when a user gives it, and the server then looks elsewhere."""
    for path in KINDS[resource.address.kind].secrets:
        for name in sorted(KINDS[resource.address.kind].reserved & (resource.spec.get(path) or {}).keys()):
            message = f"{name} is set by the server; this overrides it; remove it unless that is meant"
            yield resource.manifest.problem(f"{path}.{name}", "W-ENVVAR-RESERVED", message)
