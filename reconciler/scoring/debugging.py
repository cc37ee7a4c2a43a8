"""AZUREML_DEBUG_PORT: a debugger that listens there is let in before the script is loaded."""

from __future__ import annotations

import importlib
import logging

from reconciler.scoring.script import ScriptError

log = logging.getLogger("mlops.scoring")


def wait_for_debugger(port: int) -> None:
    """Connect to a debugger that listens on this port, and wait until it is ready; 0 is none.

    Raises:
        ScriptError: debugpy is not installed, or nothing listens there.
    """
    if not port:
        return
    log.warning("AZUREML_DEBUG_PORT is set: connecting to a debugger on port %s; do not do this in production", port)
    try:
        debugpy = importlib.import_module("debugpy")
        debugpy.connect(port)
        debugpy.wait_for_client()
    except ImportError as error:
        raise ScriptError(f"AZUREML_DEBUG_PORT is set, but {error}; add debugpy to the environment") from error
    except (OSError, RuntimeError) as error:
        raise ScriptError(f"AZUREML_DEBUG_PORT: no debugger can be reached on port {port}: {error}") from error
