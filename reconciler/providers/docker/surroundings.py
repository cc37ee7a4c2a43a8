"""What an instance finds around it: folders at Azure's paths, and the environment variables that Azure sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from reconciler.core.manifest import Spec
from reconciler.providers.docker.launch import Image
from reconciler.providers.hosting.sources import asset_address
from reconciler.providers.hosting.variables import python_path, server_variables

APP = PurePosixPath("/var/azureml-app")
MODELS = APP / "azureml-models"
# Of our scoring server's sources, which images need not have.
RUNTIME = PurePosixPath("/var/mlops/runtime")
# The one folder that an instance's user can write to, whoever that is and whatever the image says.
_HOME = {"HOME": "/tmp", "USER": "mlops"}  # noqa: S108 - the container's own


@dataclass(frozen=True)
class Placed:
    """Where an instance finds what it serves; None and empty for what there is not.

    Args:
        code: the folder of the code.
        script: the scoring script's path below it.
        model: the folder for `AZUREML_MODEL_DIR`.
        mlflow: where below that folder the MLmodel file lies, for a model that is served without a script.
    """

    code: PurePosixPath | None = None
    script: str = ""
    model: PurePosixPath | None = None
    mlflow: str = ""

    @property
    def app_root(self) -> PurePosixPath | None:
        """The folder of the scoring script, as in Azure."""
        return (self.code / self.script).parent if self.code else self.model


def code_folder(code: Mapping[str, Any]) -> PurePosixPath:
    """Where an instance finds its code."""
    return APP / str(code["name"])


def model_folder(spec: Spec, model: Mapping[str, Any]) -> PurePosixPath:
    """The folder in which a deployment's model lies under its own name.

    A model without a name is known by its content, as version 1.
    """
    base, reference = PurePosixPath(str(spec.get("model_mount_path") or MODELS)), spec.get("model")
    if isinstance(reference, str):
        address = asset_address("model", reference)
        return base / address.name / address.version
    return base / str(model["path"]["digest"]).rpartition(":")[2] / "1"


def variables(spec: Spec, image: Image, placed: Placed, given: Mapping[str, str]) -> dict[str, str]:
    """An instance's whole environment but for what its image sets; the user's own variables win, as in Azure."""
    found = {**_HOME, **_azures(placed), **(_servers(spec, image, placed) if image.python else {}), **given}
    if not image.python:
        return found
    code = {"MLOPS_CODE_FOLDER": str(placed.code)} if placed.code else {}
    return {
        **found,
        **code,
        "PYTHONPATH": python_path(RUNTIME, placed.app_root or RUNTIME, given.get("PYTHONPATH", "")),
    }


def command(image: Image, port: int) -> tuple[str, ...]:
    """What runs our scoring server; nothing where the image brings its own."""
    # Every address of the container, of which the port is published on the loopback of this machine alone.
    return (image.python, "-m", "reconciler.scoring", "--host", "0.0.0.0", "--port", str(port)) if image.python else ()  # noqa: S104


def _azures(placed: Placed) -> dict[str, str]:
    """What every instance in Azure is told."""
    found = {
        "AML_APP_ROOT": str(placed.app_root or ""),
        "AZUREML_ENTRY_SCRIPT": PurePosixPath(placed.script).name if placed.code else "",
        "AZUREML_MODEL_DIR": str(placed.model or ""),
    }
    return {name: value for name, value in found.items() if value}


def _servers(spec: Spec, image: Image, placed: Placed) -> dict[str, str]:
    """What our scoring server is told besides."""
    folder = str(PurePosixPath(image.python).parent)
    return {
        **server_variables(spec),
        "AZUREML_INFERENCE_PYTHON_PATH": folder,
        **({} if placed.code else {"MLFLOW_MODEL_FOLDER": placed.mlflow}),
    }
