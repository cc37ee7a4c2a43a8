"""How gunicorn runs azureml-inference-server-http; a configuration file, read by the deployment's own gunicorn.

The server's own command listens on every interface, and its logging configuration drops what score.py logs as INFO.
"""

import logging
import os
import sys
import time
from importlib.metadata import version

chdir = os.environ["AML_APP_ROOT"]
workers = int(os.environ.get("WORKER_COUNT") or 1)
timeout = int(os.environ.get("WORKER_TIMEOUT") or 300)
graceful_timeout = int(os.environ["MLOPS_DRAIN_SECONDS"])
preload_app = os.environ.get("WORKER_PRELOAD", "").lower() == "true"
accesslog = "-"
errorlog = "-"
# Only the owner may ask, and nothing of an instance lies where another's could.
umask = 0o077
control_socket_disable = True


def _log_to_stdout() -> None:
    """Give the root logger what the server gives its own alone; it leaves the root as it finds it."""
    formatter = logging.Formatter("%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=os.environ.get("AZUREML_LOG_LEVEL", "INFO").upper(), handlers=[handler], force=True)


if os.environ.get("SERVER_VERSION_LOG_RESPONSE_ENABLED", "true").lower() == "true":
    os.environ.setdefault("HTTP_X_MS_SERVER_VERSION", f"azmlinfsrv/{version('azureml-inference-server-http')}")
_log_to_stdout()
