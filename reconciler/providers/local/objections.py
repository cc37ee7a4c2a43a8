"""What the local target cannot do of what is wanted, said before anything is touched."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem

# Registries, ARM ids, and curated environments: what lies in Azure.
_IN_AZURE = re.compile(r"^azureml:(//|/subscriptions/|AzureML-)|^(https?|wasbs?|abfss?|runs|mlflow-model):")
_ELSEWHERE = "apply it to a docker target"

Lookup = Callable[[Address], Spec | None]


def objections(resources: Sequence[Resource], registered: Lookup) -> Iterator[Problem]:
    """Every objection to the resources; `registered` finds assets that the target holds already."""
    wanted = {resource.address: resource.spec for resource in resources}
    for resource in resources:
        if resource.address.kind == "endpoint":
            yield from _to_endpoint(resource)
        elif resource.address.kind == "model":
            yield from _to_model(resource, "path", resource.spec)
        elif resource.address.kind == "deployment":
            yield from _to_deployment(resource, lambda address: wanted.get(address) or registered(address))


def _to_endpoint(resource: Resource) -> Iterator[Problem]:
    mode = resource.spec.get("auth_mode", "key")
    if mode != "key":
        message = f"local cannot issue tokens for auth_mode {mode}; use auth_mode: key, or override it in the target"
        yield resource.manifest.problem("auth_mode", "E-UNSUPPORTED", message)
    if any(resource.spec.get("mirror_traffic", {}).values()):
        message = "local does not mirror traffic; remove mirror_traffic, or override it in the target"
        yield resource.manifest.problem("mirror_traffic", "E-UNSUPPORTED", message)


def _to_deployment(resource: Resource, find: Lookup) -> Iterator[Problem]:
    model = _asset("model", resource.spec.get("model"), find)
    environment = _asset("environment", resource.spec.get("environment"), find)
    if model is None:
        yield _in_azure(resource, "model", "give it by path")
    elif isinstance(resource.spec.get("model"), Mapping):
        yield from _to_model(resource, "model.path", model)
    if environment is None:
        yield _in_azure(resource, "environment", "give image and conda_file")
    elif "build" in environment:
        message = f"local builds no images; give image and conda_file, or {_ELSEWHERE}"
        yield resource.manifest.problem("environment", "E-UNSUPPORTED", message)
    script = (resource.spec.get("code_configuration") or {}).get("scoring_script")
    if script and not script.endswith(".py"):
        message = f"local runs Python scripts, and {script} is none; {_ELSEWHERE}"
        yield resource.manifest.problem("code_configuration.scoring_script", "E-UNSUPPORTED", message)
    if not resource.spec.get("code_configuration"):
        message = _without_code(model or {}, environment or {})
        yield resource.manifest.problem("code_configuration", "E-UNSUPPORTED", message)


def _to_model(resource: Resource, path: str, model: Spec) -> Iterator[Problem]:
    if isinstance(model.get("path"), str):  # content of the repository would be known by its digest
        yield _in_azure(resource, path, "give a path in the repository")


def _in_azure(resource: Resource, path: str, instead: str) -> Problem:
    return resource.manifest.problem(path, "E-REGISTRY", f"local cannot fetch what lies in Azure; {instead}")


def _asset(kind: str, value: Any, find: Lookup) -> Spec | None:
    """An asset's spec, empty where there is none; None where it lies in Azure."""
    if not isinstance(value, str):
        return value or {}
    if _IN_AZURE.match(value):
        return None
    name, _, version = value.removeprefix("azureml:").partition(":")
    return find(Address(kind, name, version=version)) or {}


def _without_code(model: Spec, environment: Spec) -> str:
    if model.get("type") == "mlflow_model":
        return "local does not yet serve an MLflow model by itself; add code_configuration with a scoring script"
    if model.get("type") == "triton_model":
        return f"local does not run Triton; {_ELSEWHERE}"
    if "inference_config" in environment:
        return f"local does not run the server of an image (inference_config); {_ELSEWHERE}"
    return f"local runs a scoring script, and none is given; add code_configuration, or {_ELSEWHERE}"
