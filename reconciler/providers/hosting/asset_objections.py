"""What no target on this machine can do of assets: fetch those that lie in Azure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.providers.hosting import mlflow_models
from reconciler.providers.hosting.sources import asset_address

# Registries, ARM ids, and curated environments: what lies in Azure.
_IN_AZURE = re.compile(r"^azureml:(//|/subscriptions/|AzureML-)|^(https?|wasbs?|abfss?|runs|mlflow-model):")


@dataclass(frozen=True)
class Asset:
    """A model or an environment, and where its content lies before it is stored; None where that is not known."""

    spec: Spec
    location: Path | None = None

    @property
    def is_mlflow(self) -> bool:
        """Whether it is a model that says itself how it is served."""
        return bool(self.spec.get("type") == mlflow_models.TYPE)


Find = Callable[[Address], Asset | None]


def finder(resources: Sequence[Resource], registered: Callable[[Address], Spec | None]) -> Find:
    """What finds an asset among those that are wanted, else among those that the target holds already."""
    wanted = {resource.address: resource for resource in resources}

    def find(address: Address) -> Asset | None:
        if address in wanted:
            return asset_of(wanted[address])
        spec = registered(address)
        return Asset(spec) if spec else None

    return find


def asset_of(resource: Resource, path: str = "path") -> Asset:
    """The asset that a resource is, with the content of its path."""
    content = resource.manifest.contents.get(path)
    return Asset(resource.spec, content.location if content else None)


def named_asset(resource: Resource, kind: str, find: Find) -> Asset | None:
    """The asset that a deployment names or holds, empty where there is none; None where it lies in Azure."""
    value: Any = resource.spec.get(kind)
    if not isinstance(value, str):
        content = resource.manifest.contents.get(f"{kind}.path")
        return Asset(value or {}, content.location if content else None)
    if _IN_AZURE.match(value):
        return None
    return find(asset_address(kind, value)) or Asset({})


def to_assets(
    resource: Resource, model: Asset | None, environment: Asset | None, platform: str, given: str
) -> Iterator[Problem]:
    """Every objection to where a deployment's model and environment lie.

    Args:
        resource: the deployment.
        model: of it; None where it lies in Azure, as for the environment.
        environment: of it.
        platform: the provider's name.
        given: the keys by which an environment is given instead.
    """
    if model is None:
        yield in_azure(resource, "model", platform, "give it by path")
    elif isinstance(resource.spec.get("model"), Mapping):
        yield from to_model(resource, "model.path", model.spec, platform)
    if environment is None:
        yield in_azure(resource, "environment", platform, f"give {given}")


def to_model(resource: Resource, path: str, model: Spec, platform: str) -> Iterator[Problem]:
    """Objections to where a model's content lies."""
    if isinstance(model.get("path"), str):  # content of the repository would be known by its digest
        yield in_azure(resource, path, platform, "give a path in the repository")


def in_azure(resource: Resource, path: str, platform: str, instead: str) -> Problem:
    """The objection to what this machine cannot fetch."""
    return resource.manifest.problem(path, "E-REGISTRY", f"{platform} cannot fetch what lies in Azure; {instead}")
