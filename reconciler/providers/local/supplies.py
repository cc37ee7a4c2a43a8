"""What instances need on disk before they start: environment, scoring server, code, model folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.initializer import initializer_log
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.packages import SERVER_REQUIREMENTS
from reconciler.providers.hosting.runtime import laid_runtime
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.local.environments import Environment, Environments, Tell
from reconciler.providers.local.launch import Launch
from reconciler.providers.local.models import laid_model, linked_model


@dataclass(frozen=True)
class Supplies:
    """Lays down what a deployment's instances need; everything is known by content and shared.

    Args:
        server: what runs scoring scripts, `mlops` or `azureml`.
        in_place: whether content lies where its user has it, and is not to be laid down besides.
    """

    layout: Layout
    sources: Sources
    environments: Environments
    server: str = "mlops"
    in_place: bool = False

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
        model = self.sources.referenced("model", spec.get("model"))
        # An MLflow model without a script is no matter of a server that runs scripts.
        server = self.server if code else "mlops"
        launch = Launch(
            spec=spec,
            environment=self._environment(spec, model, server, report, log),
            runtime=laid_runtime(self.layout.runtime),
            code=self.sources.stored(code, "code") if code else None,
            model=self._model_folder(model["path"]) if model.get("path") else None,
            mlflow_folder="" if code else self.sources.mlflow_folder(model),
            server=server,
            variables=variables,
        )
        for line in _facts(launch, model):
            log(line)
        return launch

    def _environment(self, spec: Spec, model: Spec, server: str, report: Tell, log: Tell) -> Environment:
        wanted = self.sources.environment(spec, model)

        def both(line: str) -> None:
            report(line)
            log(line)

        requirements = SERVER_REQUIREMENTS if server == "mlops" else ()
        return self.environments.ready(wanted, both, requirements=requirements, log=log)

    def _model_folder(self, path: Any) -> Path:
        stored = self.sources.stored(path, "model path")
        lay = linked_model if self.in_place else laid_model
        return lay(self.layout.models, stored, str(path["name"]))


def _facts(launch: Launch, model: Spec) -> Iterator[str]:
    """What instances find where, for the log."""
    if launch.code:
        yield f"code {launch.spec['code_configuration']['code']['name']} -> {launch.code}"
    if launch.model:
        yield f"model {model['path']['name']} -> {launch.model}"
