"""What a deployment is made of, found: assets by reference, content by digest, an MLflow model's own environment."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.secret import Secret, masked, with_secrets
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting import mlflow_models
from reconciler.providers.hosting.objects import Objects, with_values
from reconciler.providers.provider import Assets


@dataclass(frozen=True)
class Sources:
    """Finds what deployments are made of.

    Args:
        objects: with the assets that are registered in the target.
        assets: where content lies.
        platform: the provider's name, for messages.
    """

    objects: Objects
    assets: Assets
    platform: str

    def referenced(self, kind: str, value: Any) -> Spec:
        """The spec of an asset: written inline, registered in this target, or none.

        Raises:
            ProviderError: it is registered nowhere.
        """
        if isinstance(value, Mapping) or value is None:
            return value or {}
        address = asset_address(kind, value)
        found = self.objects.get(address)
        if found is None:
            raise ProviderError(f"{kind} {value} is not registered in this target; add a {kind} file for it")
        return with_values(found.spec, self.objects.secrets(address))

    def stored(self, content: Any, what: str) -> Path:
        """The stored file or folder that a spec speaks of.

        Args:
            content: the spec's value, with its digest.
            what: it is, for the message.

        Raises:
            ProviderError: it is not of this repository, or is not stored.
        """
        if not isinstance(content, Mapping) or "digest" not in content:
            raise ProviderError(
                f"{what} {masked(repr(content))} is not in this repository; the {self.platform} target serves what is"
            )
        return self.assets.path(str(content["digest"]))

    def contents(self, spec: Spec) -> Iterator[tuple[str, str]]:
        """The digests of a deployment's code and model, and the name that each has where it lies; none for code."""
        code = (spec.get("code_configuration") or {}).get("code")
        if isinstance(code, Mapping) and "digest" in code:
            yield str(code["digest"]), ""
        path = self.referenced("model", spec.get("model")).get("path")
        if isinstance(path, Mapping) and "digest" in path:
            yield str(path["digest"]), str(path["name"])

    def environment(self, spec: Spec, model: Spec) -> Mapping[str, Any]:
        """The deployment's own environment, or the one that its MLflow model was logged with; its secrets in the clear.

        Raises:
            ProviderError: it is registered nowhere, or the value of a secret is not at hand.
        """
        if spec.get("environment") is None and model.get("type") == mlflow_models.TYPE:
            return mlflow_models.environment_of(self._mlflow_model(model))
        found: Mapping[str, Any] = with_secrets(self.referenced("environment", spec.get("environment")), _revealed)
        return found

    def mlflow_folder(self, model: Spec) -> str:
        """Where below `AZUREML_MODEL_DIR` the MLmodel file is."""
        below = self._mlflow_model(model).relative_to(self.stored(model["path"], "model path"))
        return (PurePosixPath(str(model["path"]["name"])) / below).as_posix()

    def _mlflow_model(self, model: Spec) -> Path:
        return mlflow_models.model_folder(self.stored(model.get("path"), "model path"))


def _revealed(secret: Secret) -> str:
    if secret.value is None:
        raise ProviderError(f"the environment's secret in {secret} is not at hand; apply its file again")
    return secret.reveal()


def asset_address(kind: str, reference: Any) -> Address:
    """The address of an asset that is registered in the target: `azureml:NAME:VERSION`, or without the prefix."""
    name, _, version = str(reference).removeprefix("azureml:").partition(":")
    return Address(kind, name, version=version)
