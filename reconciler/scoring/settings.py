"""What the environment tells the scoring server, checked once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from reconciler.scoring import parsing
from reconciler.scoring.cors import Cors

T = TypeVar("T")


SERVER_VERSION = "mlops-scoring/1"
# What means something to Azure's server and nothing here, with the value that asks for it; None for any.
WITHOUT_EFFECT: Mapping[str, str | None] = {
    "AML_APP_INSIGHTS_ENABLED": "true",
    "AML_APP_INSIGHTS_KEY": None,
    "AML_MODEL_DC_STORAGE_ENABLED": "true",
    "APP_INSIGHTS_LOG_RESPONSE_ENABLED": "true",
    "AZUREML_CONFIG_FILE": None,
    "SEPERATE_HEALTH_ENDPOINT": "true",
}


class Service(NamedTuple):
    """What the service is called in its Swagger description."""

    name: str = "ML service"
    version: str = "1.0"
    path_prefix: str = ""


SERVICE = Service()


class Debugger(NamedTuple):
    """How a debugger is let in that comes to us.

    Args:
        port: where it finds debugpy; 0 is any that is free.
        package: the folder of debugpy, which the environment need not have.
        python: the interpreter that runs the adapter; empty for the script's own.
        wait: whether nothing of the script is loaded before it has come.
        told: a file descriptor to which the port is written once a debugger may come; -1 for none.
        host: on which it is found.
        ends_with_input: whether all ends with the standard input, which whoever debugs holds open.
    """

    port: int
    package: str
    python: str
    wait: bool = False
    told: int = -1
    host: str = "127.0.0.1"
    ends_with_input: bool = False


class SettingsError(Exception):
    """The environment holds values the server cannot work with; the message is one line."""


@dataclass(frozen=True)
class Settings:
    """Everything the server wants to know about its deployment."""

    app_root: Path
    entry_script: str
    mlflow_model: Path | None = None
    workers: int = 1
    worker_timeout_s: float = 300.0
    scoring_timeout_ms: int = 3_600_000
    log_level: int = logging.INFO
    max_concurrent_requests: int = 1
    max_queued_requests: int | None = None
    max_requests_per_worker: int = 0
    max_body_bytes: int = 0
    drain_s: float = 10.0
    drain_grace_s: float = 0.5
    preload: bool = False
    debug_port: int = 0
    debugger: Debugger | None = None
    source_folder: str = ""
    cors: Cors | None = None
    server_version: str = SERVER_VERSION
    service: Service = SERVICE
    code_folder: Path | None = None
    model_folder: Path | None = None
    without_effect: tuple[str, ...] = ()

    @property
    def slots(self) -> int:
        """The requests one worker may run at a time: its share of what the instance may."""
        return self._share(self.max_concurrent_requests)

    @property
    def bound(self) -> int | None:
        """The requests one worker may hold, running and waiting; None when there is no bound."""
        return None if self.max_queued_requests is None else self.slots + self._share(self.max_queued_requests)

    @property
    def run_limit_s(self) -> float:
        """The seconds after which a run() is answered as over its time."""
        return min(self.scoring_timeout_ms / 1000, self.worker_timeout_s)

    @property
    def hung_after_s(self) -> float:
        """The seconds after which a run() has hung: as long again as it may take, but no more than a worker may hang.

        While somebody debugs it, never: a run() that stands at a breakpoint does not hang.
        """
        return float("inf") if self.is_debugged else min(2 * self.run_limit_s, self.worker_timeout_s)

    @property
    def is_debugged(self) -> bool:
        """Whether somebody debugs the script, or may at any time."""
        return bool(self.debug_port) or self.debugger is not None

    def _share(self, of_instance: int) -> int:
        return -(-of_instance // self.workers)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read every variable, and name all that are wrong in one error."""
    problems: list[str] = []

    def value(name: str, default: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(environ.get(name) or default)
        except ValueError as error:
            problems.append(f"{name}: {error}")
            return parse(default)

    settings = Settings(
        app_root=value("AML_APP_ROOT", ".", parsing.folder),
        entry_script=environ.get("AZUREML_ENTRY_SCRIPT", ""),
        mlflow_model=_mlflow_model(environ),
        workers=value("WORKER_COUNT", "1", parsing.workers),
        worker_timeout_s=value("WORKER_TIMEOUT", "300", parsing.positive),
        scoring_timeout_ms=value("SCORING_TIMEOUT_MS", "3600000", parsing.at_least_one),
        log_level=value("AZUREML_LOG_LEVEL", "INFO", parsing.level),
        max_concurrent_requests=value("MLOPS_MAX_CONCURRENT_REQUESTS", "1", parsing.at_least_one),
        max_queued_requests=value("MLOPS_MAX_QUEUED_REQUESTS", "", parsing.bound),
        max_requests_per_worker=value("MLOPS_MAX_REQUESTS_PER_WORKER", "0", parsing.at_least_zero),
        max_body_bytes=value("MLOPS_MAX_BODY_BYTES", "0", parsing.at_least_zero),
        drain_s=value("MLOPS_DRAIN_SECONDS", "10", parsing.seconds),
        drain_grace_s=value("MLOPS_DRAIN_GRACE_SECONDS", "0.5", parsing.seconds),
        preload=environ.get("WORKER_PRELOAD", "").lower() == "true",
        debug_port=value("AZUREML_DEBUG_PORT", "0", parsing.at_least_zero),
        debugger=value("MLOPS_DEBUGGER", "", _debugger),
        source_folder=environ.get("AZUREML_SOURCE_DIRECTORY", ""),
        cors=value("AML_CORS_ORIGINS", "", _cors),
        server_version=_server_version(environ),
        service=_service(environ),
        code_folder=_folder(environ, "MLOPS_CODE_FOLDER"),
        model_folder=_folder(environ, "AZUREML_MODEL_DIR"),
        without_effect=tuple(_without_effect(environ)),
    )
    if not settings.entry_script and settings.mlflow_model is None:
        problems.append(
            "AZUREML_ENTRY_SCRIPT: set it to the path of score.py relative to AML_APP_ROOT, "
            "or AZUREML_MODEL_DIR to a folder with an MLflow model"
        )
    if problems:
        raise SettingsError("; ".join(problems))
    return settings


def _mlflow_model(environ: Mapping[str, str]) -> Path | None:
    """The folder of an MLflow model: the one that is named in the model folder, that folder itself, or one in it."""
    if not environ.get("AZUREML_MODEL_DIR"):
        return None
    folder = Path(environ["AZUREML_MODEL_DIR"]).absolute() / environ.get("MLFLOW_MODEL_FOLDER", "")
    found = [file.parent for pattern in ("MLmodel", "*/MLmodel") for file in folder.glob(pattern)]
    return found[0] if found else None


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]).absolute() if environ.get(name) else None


def _cors(origins: str) -> Cors | None:
    return Cors(origins) if origins else None


def _debugger(text: str) -> Debugger | None:
    try:
        return Debugger(**json.loads(text)) if text else None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{error}; it is written by `mlops debug`") from error


def _server_version(environ: Mapping[str, str]) -> str:
    told = environ.get("SERVER_VERSION_LOG_RESPONSE_ENABLED", "true").lower() == "true"
    return environ.get("HTTP_X_MS_SERVER_VERSION") or (SERVER_VERSION if told else "")


def _service(environ: Mapping[str, str]) -> Service:
    prefix = environ.get("SERVICE_PATH_PREFIX", "").strip("/")
    return Service(
        environ.get("SERVICE_NAME") or SERVICE.name,
        environ.get("SERVICE_VERSION") or SERVICE.version,
        f"/{prefix}" if prefix else "",
    )


def _without_effect(environ: Mapping[str, str]) -> Iterator[str]:
    for name, asked in WITHOUT_EFFECT.items():
        given = environ.get(name, "")
        if given and (asked is None or given.lower() == asked):
            yield name
