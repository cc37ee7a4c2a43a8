"""What the local target cannot do of a deployment: of its model, its environment, its script."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.errors import ProviderError
from reconciler.providers.hosting import mlflow_models
from reconciler.providers.hosting.conda import flaws, translate

# Registries, ARM ids, and curated environments: what lies in Azure.
_IN_AZURE = re.compile(r"^azureml:(//|/subscriptions/|AzureML-)|^(https?|wasbs?|abfss?|runs|mlflow-model):")
_ELSEWHERE = "apply it to a docker target"
_MLFLOW = ("mlflow", "mlflow-skinny", "azureml-mlflow")
_AZUREML = ("azureml-inference-server-http", "azureml-defaults")


@dataclass(frozen=True)
class Asset:
    """A model or an environment, and where its content lies before it is stored; None where that is not known."""

    spec: Spec
    location: Path | None = None


Find = Callable[[Address], Asset | None]


def asset_of(resource: Resource, path: str = "path") -> Asset:
    """The asset that a resource is, with the content of its path."""
    content = resource.manifest.contents.get(path)
    return Asset(resource.spec, content.location if content else None)


def to_deployment(resource: Resource, find: Find, *, server: str) -> Iterator[Problem]:
    """Every objection to a deployment whose scripts `server` is to run."""
    model = _asset(resource, "model", find)
    environment = _asset(resource, "environment", find)
    if model is None:
        yield in_azure(resource, "model", "give it by path")
    elif isinstance(resource.spec.get("model"), Mapping):
        yield from to_model(resource, "model.path", model.spec)
    if environment is None:
        yield in_azure(resource, "environment", "give image and conda_file")
    elif "build" in environment.spec:
        message = f"local builds no images; give image and conda_file, or {_ELSEWHERE}"
        yield resource.manifest.problem("environment", "E-UNSUPPORTED", message)
    elif model is not None:
        yield from _to_served(resource, model, environment.spec, server)


def to_model(resource: Resource, path: str, model: Spec) -> Iterator[Problem]:
    """Objections to where a model's content lies."""
    if isinstance(model.get("path"), str):  # content of the repository would be known by its digest
        yield in_azure(resource, path, "give a path in the repository")


def in_azure(resource: Resource, path: str, instead: str) -> Problem:
    """The objection to what this machine cannot fetch."""
    return resource.manifest.problem(path, "E-REGISTRY", f"local cannot fetch what lies in Azure; {instead}")


def _asset(resource: Resource, kind: str, find: Find) -> Asset | None:
    """The asset that a deployment names or holds, empty where there is none; None where it lies in Azure."""
    value: Any = resource.spec.get(kind)
    if not isinstance(value, str):
        content = resource.manifest.contents.get(f"{kind}.path")
        return Asset(value or {}, content.location if content else None)
    if _IN_AZURE.match(value):
        return None
    name, _, version = value.removeprefix("azureml:").partition(":")
    return find(Address(kind, name, version=version)) or Asset({})


def _to_served(resource: Resource, model: Asset, environment: Spec, server: str) -> Iterator[Problem]:
    code = resource.spec.get("code_configuration")
    script = (code or {}).get("scoring_script")
    if script and not script.endswith(".py"):
        message = f"local runs Python scripts, and {script} is none; {_ELSEWHERE}"
        yield resource.manifest.problem("code_configuration.scoring_script", "E-UNSUPPORTED", message)
    if not code and ("inference_config" in environment or not _is_mlflow(model)):
        message = _without_code(model.spec, environment)
        yield resource.manifest.problem("code_configuration", "E-UNSUPPORTED", message)
        return
    try:
        if not code and model.location:
            mlflow_models.flavor_of(mlflow_models.model_folder(model.location))
        field, conda = _packages(resource, model, environment)
    except ProviderError as error:
        yield resource.manifest.problem("model", "E-UNSUPPORTED", str(error))
        return
    for message in _to_packages(conda, _demanded(script, server)) if conda is not None else ():
        yield resource.manifest.problem(field, "E-UNSUPPORTED", message)


def _is_mlflow(model: Asset) -> bool:
    return model.spec.get("type") == mlflow_models.TYPE


def _packages(resource: Resource, model: Asset, environment: Spec) -> tuple[str, Mapping[str, Any] | None]:
    """The conda file that decides, and the field that leads to it; None where only the target knows it."""
    if resource.spec.get("environment") is not None or not _is_mlflow(model):
        return "environment", environment.get("conda_file") or {}
    if model.location is None:
        return "model", None
    return "model", mlflow_models.environment_of(mlflow_models.model_folder(model.location))["conda_file"]


def _demanded(script: str | None, server: str) -> tuple[tuple[str, ...], str]:
    """Packages of which the environment needs one, the best known first, and what for."""
    if not script:
        return _MLFLOW, "serves an MLflow model without a script"
    return (_AZUREML, "the target's `server: azureml` runs scripts with") if server == "azureml" else ((), "")


def _to_packages(conda: Mapping[str, Any], demanded: tuple[tuple[str, ...], str]) -> Iterator[str]:
    try:
        wanted = translate(conda)
    except ProviderError:
        yield from flaws(conda)
        return
    packages, purpose = demanded
    if packages and not wanted.may_have(*packages):
        yield f"the environment lacks {packages[0]}, which {purpose}; add {packages[0]} to its conda file"


def _without_code(model: Spec, environment: Spec) -> str:
    if model.get("type") == "triton_model":
        return f"local does not run Triton; {_ELSEWHERE}"
    if "inference_config" in environment:
        return f"local does not run the server of an image (inference_config); {_ELSEWHERE}"
    return (
        f"local runs a scoring script or an MLflow model, and neither is given; add code_configuration, or {_ELSEWHERE}"
    )
