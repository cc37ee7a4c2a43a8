"""The deployment that is to be debugged, as the files have it and as it is recorded, with its assets in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource, Spec
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
_CONTEXT = "build.path"

Find = Callable[[Address], Spec | None]
Objections = Callable[[Sequence[Resource]], Iterable[Problem]]


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
        """Where the files have code and model, by digest; of equal ones the deployment's own counts.

        Contexts of images are not among them: an image is known by what counts of its context, and so is built of that.
        """
        return {
            each.digest: each.location
            for manifest in reversed(self.manifests)
            for path, each in manifest.contents.items()
            if not path.endswith(_CONTEXT)
        }

    @property
    def code(self) -> Mapping[str, str]:
        """Name and digest of what runs: the code, or a model that is served without any; empty where it is neither."""
        code = (self.spec.get("code_configuration") or {}).get("code")
        model = self.spec.get("model")
        found = code or (model.get("path") if isinstance(model, Mapping) else None)
        return found if isinstance(found, Mapping) else {}

    @property
    def location(self) -> Path | None:
        """Where the files have that."""
        return self.contents.get(self.code.get("digest", ""))


@dataclass(frozen=True)
class Files:
    """What files say of a deployment.

    Args:
        found: the deployment; None where they do not define it.
        problems: of the files that speak of it. Where they do not define it, of those that cannot be read, or hold what
            is not valid: any of them may be the one that does.
        deployments: all that they define.
    """

    found: Found | None
    problems: tuple[Problem, ...]
    deployments: tuple[Address, ...]


def in_files(workspace: Workspace, wish: Wish, address: Address | None, state: State, objections: Objections) -> Files:
    """The deployment as the files have it.

    Args:
        workspace: the target.
        wish: which files count.
        address: of the deployment; None for the only one that they define.
        state: what is recorded.
        objections: what is said against resources by what is to run them.
    """
    loaded = loaded_of(workspace, wish)
    key = workspace.store.secret_key()
    resolved = resolve(loaded.manifests, state, secret_key=key, whole=not loaded.alone)
    problems = (*loaded.problems, *resolved.problems)
    resources = {resource.address: resource for resource in resolved.resources}
    deployments = tuple(each for each in resources if each.kind == _KIND)
    meant = address or (deployments[0] if len(deployments) == 1 else None)
    sound = {each.file for each in loaded.manifests if each.valid}
    unsound = {each.file for each in problems} - sound
    if meant not in resources:
        return Files(None, tuple(each for each in problems if each.file in unsound), deployments)
    parts = (resources[meant], *_assets_of(resources[meant], resources))
    files = {part.manifest.file for part in parts}
    if not {*resources, *state.entries}.issuperset(_named(parts[0].spec).values()):
        files |= unsound  # one of them may define what is missing
    told = (*problems_of(parts, (), None), *objections(parts))

    recorded = _valued(workspace, state)

    def asset(each: Address) -> Spec | None:
        return resources[each].spec if each in resources else recorded(each)

    found = Found(meant, _inlined(parts[0].spec, asset), tuple(part.manifest for part in parts))
    return Files(found, tuple(each for each in (*problems, *told) if each.file in files), deployments)


def in_process_objections(state: State) -> Objections:
    """What a local target says against resources."""
    return lambda resources: objections(resources, lambda each: _spec(each, state), LocalOptions())


def in_record(workspace: Workspace, address: Address, state: State) -> Found:
    """The deployment as it is recorded, with the values of its secrets as far as the target keeps them.

    Raises:
        MlopsError: it is not recorded.
    """
    valued = _valued(workspace, state)
    spec = valued(address)
    if spec is None:
        raise MlopsError(f"{address} is not recorded")
    return Found(address, _inlined(spec, valued))


def _valued(workspace: Workspace, state: State) -> Find:
    """Finds what is recorded, with the values of its secrets as far as the target keeps them."""
    objects = Objects(folder_of(workspace.config, workspace.target))

    def valued(address: Address) -> Spec | None:
        spec = _spec(address, state)
        return None if spec is None else with_values(spec, objects.secrets(address))

    return valued


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
