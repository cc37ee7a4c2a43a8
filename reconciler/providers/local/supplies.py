"""What instances need on disk before they start: environment, scoring server, code, model folder."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.errors import ProviderError
from reconciler.providers.local import mlflow_models
from reconciler.providers.local.environments import SERVER_REQUIREMENTS, Environment, Environments, Tell
from reconciler.providers.local.initializer import initializer_log
from reconciler.providers.local.launch import Launch
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.objects import Objects
from reconciler.providers.provider import Assets


@dataclass(frozen=True)
class Supplies:
    """Lays down what a deployment's instances need; everything is known by content and shared.

    Args:
        server: what runs scoring scripts, `mlops` or `azureml`.
    """

    layout: Layout
    objects: Objects
    assets: Assets
    environments: Environments
    server: str = "mlops"

    def launch(self, deployment: Address, spec: Spec, variables: Mapping[str, str], report: Tell) -> Launch:
        """Lay everything down, and return how to start an instance with it.

        Raises:
            ProviderError: something is not there and cannot be made.
        """
        with initializer_log(self.layout.initializer_log(deployment), deployment) as log:
            try:
                return self._launch(spec, variables, report, log)
            except ProviderError as error:
                log(str(error))
                raise

    def _launch(self, spec: Spec, variables: Mapping[str, str], report: Tell, log: Tell) -> Launch:
        code = (spec.get("code_configuration") or {}).get("code")
        model = self.referenced("model", spec.get("model"))
        # An MLflow model without a script is no matter of a server that runs scripts.
        server = self.server if code else "mlops"
        launch = Launch(
            spec=spec,
            environment=self._environment(spec, model, server, report, log),
            runtime=laid_runtime(self.layout.runtime),
            code=self._stored(code, "code") if code else None,
            model=self._model_folder(model["path"]) if model.get("path") else None,
            mlflow_folder="" if code else self._mlflow_folder(model),
            server=server,
            variables=variables,
        )
        for line in _facts(launch, model):
            log(line)
        return launch

    def _environment(self, spec: Spec, model: Spec, server: str, report: Tell, log: Tell) -> Environment:
        """The deployment's own environment, or the one that its MLflow model was logged with."""
        wanted: Mapping[str, Any] = self.referenced("environment", spec.get("environment"))
        if spec.get("environment") is None and model.get("type") == mlflow_models.TYPE:
            wanted = mlflow_models.environment_of(self._mlflow_model(model))

        def both(line: str) -> None:
            report(line)
            log(line)

        requirements = SERVER_REQUIREMENTS if server == "mlops" else ()
        return self.environments.ready(wanted, both, requirements=requirements, log=log)

    def _mlflow_model(self, model: Spec) -> Path:
        return mlflow_models.model_folder(self._stored(model.get("path"), "model path"))

    def _mlflow_folder(self, model: Spec) -> str:
        """Where below `AZUREML_MODEL_DIR` the MLmodel file is."""
        below = self._mlflow_model(model).relative_to(self._stored(model["path"], "model path"))
        return (PurePosixPath(str(model["path"]["name"])) / below).as_posix()

    def referenced(self, kind: str, value: Any) -> Spec:
        """The spec of an asset: written inline, registered in this target, or none."""
        if isinstance(value, Mapping) or value is None:
            return value or {}
        reference = str(value)
        name, _, version = reference.removeprefix("azureml:").partition(":")
        found = self.objects.get(Address(kind, name, version=version))
        if found is None:
            raise ProviderError(f"{kind} {reference} is not registered in this target; add a {kind} file for it")
        return found.spec

    def _model_folder(self, path: Any) -> Path:
        """A folder that holds the model's content under its own name, as `AZUREML_MODEL_DIR` does in Azure."""
        stored = self._stored(path, "model path")
        identity = f"{path['name']}\n{stored}"
        folder = self.layout.models / hashlib.sha256(identity.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        link = folder / str(path["name"])
        if not link.is_symlink():
            fresh = folder / f".{os.urandom(6).hex()}"
            fresh.symlink_to(stored)
            fresh.replace(link)
        return folder

    def _stored(self, content: Any, what: str) -> Path:
        if not isinstance(content, Mapping) or "digest" not in content:
            raise ProviderError(f"{what} {content!r} is not in this repository; the local target serves what is")
        return self.assets.path(str(content["digest"]))


def _facts(launch: Launch, model: Spec) -> Iterator[str]:
    """What instances find where, for the log."""
    if launch.code:
        yield f"code {launch.spec['code_configuration']['code']['name']} -> {launch.code}"
    if launch.model:
        yield f"model {model['path']['name']} -> {launch.model}"


def laid_runtime(folder: Path) -> Path:
    """Copy the scoring server's sources under their digest, for Pythons that do not have this package."""
    source = Path(str(files("reconciler") / "scoring"))
    modules = {path.name: path.read_bytes() for path in sorted(source.glob("*.py"))}
    target = folder / hashlib.sha256(repr(sorted(modules.items())).encode()).hexdigest()[:16]
    if not target.exists():
        _lay(target, modules)
    return target


def _lay(target: Path, modules: Mapping[str, bytes]) -> None:
    fresh = target.with_name(f".{os.urandom(6).hex()}")
    package = fresh / "reconciler" / "scoring"
    package.mkdir(parents=True, mode=0o700)
    (package.parent / "__init__.py").touch()
    for name, text in modules.items():
        (package / name).write_bytes(text)
    try:
        fresh.rename(target)
    except OSError:
        # Another thread or process was first; what it laid is the same.
        shutil.rmtree(fresh, ignore_errors=True)
        if not target.exists():
            raise
