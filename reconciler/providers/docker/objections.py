"""What a docker target cannot do of what is wanted, said before anything is touched."""

from collections.abc import Callable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.providers.docker.limits import limits_of, refused
from reconciler.providers.hosting.asset_objections import Asset, Find, finder, named_asset, to_assets, to_model
from reconciler.providers.hosting.objections import to_collecting, to_endpoints
from reconciler.providers.hosting.options import Options

_PLATFORM = "docker"
_GPUS = (
    "the engine has no GPUs to give: it names neither a runtime `nvidia` nor a CDI device `nvidia.com/gpu` (`docker "
    "info`); install the NVIDIA Container Toolkit, run `nvidia-ctk runtime configure --runtime=docker` and restart the "
    "engine, or choose a size without GPUs"
)

Lookup = Callable[[Address], Spec | None]


def objections(
    resources: Sequence[Resource], registered: Lookup, options: Options, has_gpus: Callable[[], bool]
) -> Iterator[Problem]:
    """Every objection to the resources.

    Args:
        resources: what is wanted of the target.
        registered: finds assets that the target holds already.
        options: the target's.
        has_gpus: asks the engine whether it gives GPUs to containers; only where some are wanted.

    Raises:
        ProviderError: GPUs are wanted, and the engine does not answer.
    """
    find = finder(resources, registered)
    yield from to_endpoints(resources, _PLATFORM, options)
    for resource in resources:
        if resource.address.kind == "model":
            yield from to_model(resource, "path", resource.spec, _PLATFORM)
        elif resource.address.kind == "environment":
            yield from _to_environment(resource, "", resource.spec)
        elif resource.address.kind == "deployment":
            yield from _to_deployment(resource, find)
            yield from _to_size(resource, has_gpus)
            yield from to_collecting(resource, _PLATFORM)


def _to_deployment(resource: Resource, find: Find) -> Iterator[Problem]:
    model, environment = named_asset(resource, "model", find), named_asset(resource, "environment", find)
    yield from to_assets(resource, model, environment, _PLATFORM, "image or build")
    if model is None or environment is None:
        return
    if not isinstance(resource.spec.get("environment"), str):
        yield from _to_inline(resource, model, environment.spec)
    if "inference_config" not in environment.spec:
        yield from _to_served(resource, model)


def _to_inline(resource: Resource, model: Asset, environment: Spec) -> Iterator[Problem]:
    if environment:
        yield from _to_environment(resource, "environment", environment)
    elif not model.is_mlflow:
        message = "docker needs an image to run; add an environment with image or build"
        yield resource.manifest.problem("environment", "E-UNSUPPORTED", message)


def _to_environment(resource: Resource, path: str, environment: Spec) -> Iterator[Problem]:
    """Objections to an environment, written at `path` of a manifest."""
    prefix = f"{path}." if path else ""
    if str(environment.get("os_type", "linux")).lower() == "windows":
        message = "docker runs Linux containers alone; take an image for os_type: linux"
        yield resource.manifest.problem(f"{prefix}os_type", "E-UNSUPPORTED", message)
    if not environment.get("image") and not environment.get("build"):
        message = "docker needs an image to run; add image or build"
        yield resource.manifest.problem(path, "E-UNSUPPORTED", message)


def _to_served(resource: Resource, model: Asset) -> Iterator[Problem]:
    """Objections to what our scoring server would have to serve, as the image brings no server of its own."""
    code = resource.spec.get("code_configuration")
    script = (code or {}).get("scoring_script")
    if script and not script.endswith(".py"):
        message = f"docker's own server runs Python scripts, and {script} is none; give the image's inference_config"
        yield resource.manifest.problem("code_configuration.scoring_script", "E-UNSUPPORTED", message)
    if code or model.is_mlflow:
        return
    message = (
        "docker runs Triton where an image brings it; add an environment with a Triton image and inference_config"
        if model.spec.get("type") == "triton_model"
        else "there is nothing to serve; add code_configuration, an MLflow model, or the image's inference_config"
    )
    yield resource.manifest.problem("code_configuration", "E-UNSUPPORTED", message)


def _to_size(resource: Resource, has_gpus: Callable[[], bool]) -> Iterator[Problem]:
    try:
        wanted = limits_of(resource.spec)
    except ValueError as error:
        yield resource.manifest.problem("resources", "E-UNSUPPORTED", str(error))
        return
    for path, message in refused(wanted):
        yield resource.manifest.problem(f"resources.{path}", "E-UNSUPPORTED", message)
    if wanted.gpus and not has_gpus():
        field = "resources" if resource.spec.get("resources") else "instance_type"
        yield resource.manifest.problem(field, "E-UNSUPPORTED", _GPUS)
