"""A debugger is let in before the script is loaded: one that listens (AZUREML_DEBUG_PORT), or one that will come."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

from reconciler.scoring.script import ScriptError
from reconciler.scoring.settings import Debugger, Settings

log = logging.getLogger("mlops.scoring")

# The adapter is a process beside the script, and gets neither the script's secrets nor what changes what Python loads.
_OF_ADAPTER = ("HOME", "LANG", "LD_LIBRARY_PATH", "MLOPS_KEPT_AS", "PATH", "TMPDIR")
_ADAPTER = Path(__file__).with_name("debug_adapter.py")


def let_debugger_in(settings: Settings) -> None:
    """Have the script debugged, if the settings ask for it.

    Raises:
        ScriptError: debugpy is not there, or has no way to the debugger.
    """
    if settings.debugger:
        _listen(settings.debugger)
    elif settings.debug_port:
        _connect(settings.debug_port)


def _listen(debugger: Debugger) -> None:
    if debugger.ends_with_input:
        _EndOfInput(daemon=True).start()
    if not debugger.python and sys.version_info < (3, 10):
        raise ScriptError("debugpy needs Python 3.10 or newer here, and this is an older one")
    try:
        debugpy = _debugpy(debugger.package)
        env = {name: os.environ[name] for name in _OF_ADAPTER if name in os.environ}
        env["MLOPS_DEBUGPY"] = debugger.package
        debugpy.configure(python=debugger.python or sys.executable, pythonEnv=env)
        # It is run as the folder of this file, which names ours as well.
        importlib.import_module("debugpy.adapter").__file__ = str(_ADAPTER / "__init__.py")
        _, port = debugpy.listen((debugger.host, debugger.port))
    except (ImportError, SyntaxError, OSError, RuntimeError) as error:
        version = ".".join(map(str, sys.version_info[:3]))
        raise ScriptError(f"debugpy cannot be used by this Python {version}: {error}") from error
    if debugger.told >= 0:
        with os.fdopen(debugger.told, "w") as told:
            told.write(f"{port}\n")
    log.info("a debugger may attach to %s:%s", debugger.host, port)
    if debugger.wait:
        log.info("the script is loaded once one has")
        debugpy.wait_for_client()


class _EndOfInput(threading.Thread):
    """Ends the process once nobody holds its standard input open; a debugger lets it be, whatever stands still."""

    is_pydev_daemon_thread = True
    pydev_do_not_trace = True

    def run(self) -> None:
        """Wait for the end of the file."""
        while os.read(0, 1024):
            pass
        os._exit(1)


def _debugpy(package: str) -> ModuleType:
    """The debugpy of a folder, beside which nothing else is to be found, whatever the environment has."""
    folder = Path(package)
    spec = importlib.util.spec_from_file_location(
        "debugpy", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    module = sys.modules["debugpy"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _connect(port: int) -> None:
    log.warning("AZUREML_DEBUG_PORT is set: connecting to a debugger on port %s; do not do this in production", port)
    try:
        debugpy = importlib.import_module("debugpy")
        debugpy.connect(port)
        debugpy.wait_for_client()
    except ImportError as error:
        raise ScriptError(f"AZUREML_DEBUG_PORT is set, but {error}; add debugpy to the environment") from error
    except (OSError, RuntimeError) as error:
        raise ScriptError(f"AZUREML_DEBUG_PORT: no debugger can be reached on port {port}: {error}") from error
