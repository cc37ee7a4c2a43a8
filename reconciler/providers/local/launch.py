"""How an instance is started: argv and environment as a pure function of its deployment."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.frozen import dataclass
from reconciler.keeper.values import Probe, Process
from reconciler.providers.hosting.attending import PASSED_ON
from reconciler.providers.hosting.variables import python_path, server_variables, stop_seconds
from reconciler.providers.local.environments import Environment

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Launch:
    """What all instances of one version of a deployment have in common.

    Args:
        runtime: the folder that holds the scoring server.
        code: the folder of the code as stored; None where an MLflow model is served without a script.
        model: the folder for `AZUREML_MODEL_DIR`, if there is a model.
        mlflow_folder: where below that folder the MLmodel file lies, for a model that is served without a script.
        server: what runs the scoring script, `mlops` or `azureml`.
        variables: the user's own environment variables, in the clear.
    """

    spec: Mapping[str, Any]
    environment: Environment
    runtime: Path
    code: Path | None
    model: Path | None = None
    mlflow_folder: str = ""
    server: str = "mlops"
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def script(self) -> PurePosixPath:
        """The scoring script's path below the code; empty where an MLflow model is served without one."""
        return PurePosixPath((self.spec.get("code_configuration") or {}).get("scoring_script", ""))

    @property
    def app_root(self) -> Path:
        """The folder of the scoring script, as in Azure."""
        return self.code / self.script.parent if self.code else self.model or self.runtime


def process(launch: Launch, name: str, socket: Path, log: Path, outer: Mapping[str, str]) -> Process:
    """Return what the keeper keeps up; `outer` is the operator's environment."""
    return Process(
        name=name,
        argv=(str(launch.environment.python), "-m", *_server(launch.server, socket)),
        env=variables(launch, outer),
        # Not the code's folder, where a module of the user's would stand in for one of the server's own.
        cwd=str(launch.runtime),
        log=str(log),
        stop_timeout_s=float(stop_seconds(launch.spec)),
        liveness=_probe(launch.spec["liveness_probe"], socket),
        readiness=_probe(launch.spec["readiness_probe"], socket),
    )


def _probe(probe: Mapping[str, int], socket: Path) -> Probe:
    """A probe of the deployment, asked of the instance itself."""
    return Probe(
        str(socket),
        initial_delay_s=float(probe["initial_delay"]),
        period_s=float(probe["period"]),
        timeout_s=float(probe["timeout"]),
        success_threshold=int(probe["success_threshold"]),
        failure_threshold=int(probe["failure_threshold"]),
    )


def _server(server: str, socket: Path) -> tuple[str, ...]:
    """The module that serves and its arguments."""
    if server == "azureml":
        # Not its own command, which listens on a TCP port of every interface.
        application = "azureml_inference_server_http.server.entry:app"
        return "gunicorn", "-c", "python:reconciler.scoring.azureml", "--bind", f"unix:{socket}", application
    return "reconciler.scoring", "--uds", str(socket)


def variables(launch: Launch, outer: Mapping[str, str]) -> dict[str, str]:
    """Return an instance's whole environment; the user's variables win, as they do in Azure."""
    bin_folder = str(launch.environment.python.parent)
    given = {
        **{name: outer[name] for name in PASSED_ON if name in outer},
        "PATH": f"{bin_folder}:{outer.get('PATH') or _SYSTEM_PATH}",
        # Stored code is shared and stays as it is: bytecode goes beside the environment, and makes restarts fast.
        "PYTHONPYCACHEPREFIX": str(launch.environment.bytecode),
        "AML_APP_ROOT": str(launch.app_root),
        "AZUREML_INFERENCE_PYTHON_PATH": bin_folder,
        **_served(launch),
        **server_variables(launch.spec),
        **launch.variables,
    }
    path = python_path(launch.runtime, launch.app_root, launch.variables.get("PYTHONPATH", ""))
    code = {"MLOPS_CODE_FOLDER": str(launch.code)} if launch.code else {}
    return {**given, **code, "PYTHONPATH": path}


def _served(launch: Launch) -> dict[str, str]:
    """Which script is served, and which model."""
    script = (
        {"AZUREML_ENTRY_SCRIPT": launch.script.name} if launch.code else {"MLFLOW_MODEL_FOLDER": launch.mlflow_folder}
    )
    return {**script, **({"AZUREML_MODEL_DIR": str(launch.model)} if launch.model else {})}
