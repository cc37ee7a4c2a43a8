"""The user's score.py: found, imported, and its three functions taken out."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NamedTuple

from reconciler.scoring.aml_imports import offer_imports
from reconciler.scoring.schemas import Schemas
from reconciler.scoring.settings import Settings

# Azure's name for the module; a model pickled against it must find it here too.
MODULE_NAME = "entry_module"
OURS = str(Path(__file__).parent)


class ScriptError(Exception):
    """The script cannot be served; the message is one line, or the traceback of the script's own error."""


class Script(NamedTuple):
    """The functions of a score.py.

    Args:
        init: called once.
        run: called for every request.
        shutdown: called after the last one.
        schemas: what run() takes and gives, asked after init(); None when it is to be read from run() itself.
    """

    init: Callable[[], Any]
    run: Callable[..., Any]
    shutdown: Callable[[], Any] | None
    schemas: Callable[[], Schemas] | None = None


def load_script(settings: Settings) -> Script:
    """Import the script with its folder of code as working directory and first place of imports.

    Without a script, an MLflow model is served by its own description.

    Raises:
        ScriptError: there is neither, or it cannot be imported.
    """
    os.chdir(settings.app_root)
    sys.path.insert(0, str(settings.app_root))
    if settings.source_folder:
        sys.path.append(str(settings.app_root / settings.source_folder))
    offer_imports()
    if not settings.entry_script and settings.mlflow_model is not None:
        return _mlflow_script(settings.mlflow_model)
    path = settings.app_root / settings.entry_script
    if not path.is_file():
        raise ScriptError(f"there is no scoring script {path}")
    module = _import(path)
    init = _function(module, "init")
    if inspect.iscoroutinefunction(init):
        raise ScriptError("init() must not be async")
    return Script(
        init=init,
        run=_function(_driven(module), "run"),
        shutdown=_function(module, "shutdown") if hasattr(module, "shutdown") else None,
    )


def _mlflow_script(model_folder: Path) -> Script:
    mlflow = importlib.import_module("reconciler.scoring.mlflow")
    script: Script = mlflow.script(model_folder)
    return script


def call_init(script: Script) -> None:
    """Call init() once, and turn whatever it raises into a ScriptError that shows where."""
    try:
        script.init()
    except Stopped:
        raise
    except BaseException as error:
        raise ScriptError(f"init() failed\n{describe(error)}") from error


class Stopped(SystemExit):
    """The server was told to stop before it served; not the script's doing."""


def describe(error: BaseException) -> str:
    """Format the traceback from the user's first frame on, without the server's own."""
    lines = traceback.format_exception(type(error), error, _from_users_frame(error.__traceback__))
    return "".join(lines).rstrip()


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE_NAME, path)
    if spec is None or spec.loader is None:
        raise ScriptError(f"the scoring script {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE_NAME] = module
    try:
        spec.loader.exec_module(module)
    except Stopped:
        raise
    except BaseException as error:
        raise ScriptError(f"the scoring script {path} cannot be imported\n{describe(error)}") from error
    return module


def _driven(module: ModuleType) -> ModuleType:
    """The script behind a driver: Azure's older tools lay one before it, which hands arguments on wrongly."""
    behind = getattr(module, "driver_module", None)
    return behind if isinstance(behind, ModuleType) and hasattr(behind, "run") else module


def _function(module: ModuleType, name: str) -> Callable[..., Any]:
    function = getattr(module, name, None)
    if not callable(function):
        raise ScriptError(f"the scoring script {module.__file__} has no function {name}()")
    return function  # type: ignore[no-any-return]  # callable() cannot tell what it returns


def _from_users_frame(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_ours(filename: str) -> bool:
    return filename.startswith((OURS, "<frozen importlib"))
