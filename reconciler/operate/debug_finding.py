"""The deployment that is to be debugged, as the files have it and as it is recorded, with its assets in it."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.manifest import Content, Manifest, Resource, Spec
from reconciler.core.problem import Problem
from reconciler.core.state import State
from reconciler.errors import MlopsError
from reconciler.kinds import KINDS
from reconciler.preflight import problems_of
from reconciler.providers.hosting.objects import Objects, with_values
from reconciler.providers.hosting.sources import asset_address
from reconciler.providers.local.objections import objections
from reconciler.providers.local.options import LocalOptions
from reconciler.resolve import resolve
from reconciler.wanted import loaded_of
from reconciler.wishes import Wish
from reconciler.workspace import Workspace, folder_of

_KIND = "deployment"
_CODE = "code_configuration.code"

Find = Callable[[Address], Spec | None]


@dataclass(frozen=True)
class Found:
    """A deployment with its assets in the place of their names.

    Args:
        manifests: that speak of it, its own first; none of one that only the record knows.
    """

    address: Address
    spec: Spec
    manifests: tuple[Manifest, ...] = ()

    @property
    def contents(self) -> dict[str, Path]:
        """Where the files have what they point at, by digest; of equal contents the deployment's own counts."""
        found = (each for manifest in reversed(self.manifests) for each in manifest.contents.values())
        return {each.digest: each.location for each in found}

    @property
    def code(self) -> Content | None:
        """The code where the files have it."""
        return self.manifests[0].contents.get(_CODE) if self.manifests else None


def in_files(
    workspace: Workspace, wish: Wish, address: Address | None, state: State
) -> tuple[Found | None, tuple[Problem, ...]]:
    """The deployment as the files have it, and what is wrong with the files that speak of it.

    Args:
        workspace: the target.
        wish: which files count.
        address: of the deployment; None for the only one that they define.
        state: what is recorded.

    Returns:
        None in its place where the files do not define it; what is wrong is then with those that cannot be read, or
        hold what is not valid, any of which may be the one that does.
    """
    loaded = loaded_of(workspace, wish)
    key = workspace.store.secret_key()
    resolved = resolve(loaded.manifests, state, secret_key=key, whole=not loaded.alone)
    problems = (*loaded.problems, *resolved.problems)
    resources = {resource.address: resource for resource in resolved.resources}
    resource = resources.get(address) if address else _only(resources.values())
    if resource is None:
        sound = {each.file for each in loaded.manifests if each.valid}
        return None, tuple(each for each in problems if each.file not in sound)
    parts = (resource, *_assets_of(resource, resources))
    files = {part.manifest.file for part in parts}
    told = (
        *problems,
        *problems_of(parts, (), None),
        *objections(parts, lambda each: _spec(each, state), LocalOptions()),
    )

    def asset(each: Address) -> Spec | None:
        return resources[each].spec if each in resources else _spec(each, state)

    found = Found(resource.address, _inlined(resource.spec, asset), tuple(part.manifest for part in parts))
    return found, tuple(each for each in told if each.file in files)


def in_record(workspace: Workspace, address: Address, state: State) -> Found:
    """The deployment as it is recorded, with the values of its secrets as far as the target keeps them.

    Raises:
        MlopsError: it is not recorded; the message names the nearest that is.
    """
    objects = Objects(folder_of(workspace.config, workspace.target))

    def valued(each: Address) -> Spec | None:
        spec = _spec(each, state)
        return None if spec is None else with_values(spec, objects.secrets(each))

    spec = valued(address)
    if spec is None:
        raise MlopsError(f"{address} is neither defined nor recorded{_near(address, state)}")
    return Found(address, _inlined(spec, valued))


def _only(resources: Iterable[Resource]) -> Resource | None:
    deployments = [each for each in resources if each.address.kind == _KIND]
    return deployments[0] if len(deployments) == 1 else None


def _assets_of(resource: Resource, resources: Mapping[Address, Resource]) -> Iterator[Resource]:
    """The assets that a deployment names and the files define."""
    for address in _named(resource.spec).values():
        if address in resources:
            yield resources[address]


def _inlined(spec: Spec, find: Find) -> Spec:
    """A spec with its assets in the place of their names, as far as they are known."""
    known = {field: find(address) for field, address in _named(spec).items()}
    return {**spec, **{field: asset for field, asset in known.items() if asset is not None}}


def _named(spec: Spec) -> dict[str, Address]:
    """The assets that a spec names, by field."""
    references = KINDS[_KIND].references.items()
    return {field: asset_address(kind, spec[field]) for field, kind in references if isinstance(spec.get(field), str)}


def _spec(address: Address, state: State) -> Spec | None:
    entry = state.entries.get(address)
    return entry.spec if entry else None


def _near(address: Address, state: State) -> str:
    known = sorted(str(each) for each in state.entries if each.kind == _KIND)
    near = difflib.get_close_matches(str(address), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
