"""What the local target cannot do of a deployment: of its model, its environment, its script."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.core.secret import with_secrets
from reconciler.errors import ProviderError
from reconciler.providers.hosting import mlflow_models
from reconciler.providers.hosting.asset_objections import Asset, Find, named_asset, to_assets
from reconciler.providers.hosting.conda import flaws, translate

_PLATFORM = "local"
_ELSEWHERE = "apply it to a docker target"
_MLFLOW = ("mlflow", "mlflow-skinny", "azureml-mlflow")
_AZUREML = ("azureml-inference-server-http", "azureml-defaults")


def to_deployment(resource: Resource, find: Find, *, server: str) -> Iterator[Problem]:
    """Every objection to a deployment whose scripts `server` is to run."""
    model = named_asset(resource, "model", find)
    environment = named_asset(resource, "environment", find)
    yield from to_assets(resource, model, environment, _PLATFORM, "image and conda_file")
    if environment is None:
        return
    if "build" in environment.spec:
        message = f"local builds no images; give image and conda_file, or {_ELSEWHERE}"
        yield resource.manifest.problem("environment", "E-UNSUPPORTED", message)
    elif model is not None:
        yield from _to_served(resource, model, environment.spec, server)


def _to_served(resource: Resource, model: Asset, environment: Spec, server: str) -> Iterator[Problem]:
    code = resource.spec.get("code_configuration")
    script = (code or {}).get("scoring_script")
    if script and not script.endswith(".py"):
        message = f"local runs Python scripts, and {script} is none; {_ELSEWHERE}"
        yield resource.manifest.problem("code_configuration.scoring_script", "E-UNSUPPORTED", message)
    if not code and ("inference_config" in environment or not model.is_mlflow):
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


def _packages(resource: Resource, model: Asset, environment: Spec) -> tuple[str, Mapping[str, Any] | None]:
    """The conda file that decides, and the field that leads to it; None where only the target knows it."""
    if resource.spec.get("environment") is not None or not model.is_mlflow:
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
        wanted = translate(shown := with_secrets(conda, str))
    except ProviderError:
        yield from flaws(shown)
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
