"""The command line: python -m reconciler.scoring."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reconciler.scoring.logs import capture_streams, log_to_stderr
from reconciler.scoring.settings import SettingsError, read_settings
from reconciler.scoring.sockets import BindError, bound_tcp, bound_unix
from reconciler.scoring.variables import take_variables
from reconciler.scoring.workers import serve_workers

USAGE_ERROR = 2
EPILOG = """\
environment:
  MLOPS_VARIABLES_FILE           a JSON object of variables; it is read before the rest and wins over it. What Python
                                 itself reads as it starts, such as PYTHONPATH, has to be in the environment (none)
  AML_APP_ROOT                   folder of the code: working directory and first place of imports (.)
  AZUREML_ENTRY_SCRIPT           the script, relative to AML_APP_ROOT
  AZUREML_MODEL_DIR              the model's folder; an MLflow model in it is served when there is no script
  MLFLOW_MODEL_FOLDER            where in that folder the MLflow model is, if not at its top or one folder down
  AZUREML_SOURCE_DIRECTORY       another place of imports, relative to AML_APP_ROOT
  WORKER_COUNT                   processes that serve (1)
  WORKER_TIMEOUT                 seconds that import and init() may take, and that a worker may hang (300)
  WORKER_PRELOAD                 true: import and init() happen once, before the workers are forked, which then share
                                 the model's memory; threads that the script starts are not in the workers (false)
  SCORING_TIMEOUT_MS             milliseconds that one run() may take; never more than WORKER_TIMEOUT (3600000)
  AZUREML_LOG_LEVEL              DEBUG, INFO, WARNING, ERROR or CRITICAL (INFO)
  AZUREML_DEBUG_PORT             connect to a debugger that listens on this port, by debugpy
  MLOPS_DEBUGGER                 how debugpy waits for a debugger to come; `mlops debug` writes it (none)
  AML_CORS_ORIGINS               origins that browsers may ask from: separated by commas, * for all
  SERVICE_NAME, SERVICE_VERSION, SERVICE_PATH_PREFIX
                                 what /swagger.json calls the service (ML service, 1.0, none)
  HTTP_X_MS_SERVER_VERSION       what the header x-ms-server-version says (mlops-scoring/1)
  SERVER_VERSION_LOG_RESPONSE_ENABLED
                                 false: no such header unless the variable above is set (true)
  MLOPS_CODE_FOLDER              all of the code, where AML_APP_ROOT is a part of it: what /-/served tells of (none)
  MLOPS_MAX_CONCURRENT_REQUESTS  run()s at a time; more wait (1)
  MLOPS_MAX_QUEUED_REQUESTS      requests that wait; more are refused with 429 (no bound)
  MLOPS_MAX_REQUESTS_PER_WORKER  after so many, give or take a tenth, a worker is replaced; 0 is never (0)
  MLOPS_MAX_BODY_BYTES           larger requests are refused with 413; 0 is no limit (0)
  MLOPS_DRAIN_SECONDS            after SIGTERM: how long requests are still taken at most,
                                 and then how long those in flight have to end (10)
  MLOPS_DRAIN_GRACE_SECONDS      after SIGTERM: without a request for so long, the server ends (0.5)

Requests that run and wait are counted for the instance: each of several workers has its share, rounded up.
Print and log lines go to stdout and stderr, with the id of the request in brackets before those of a run(). A thread
that run() starts has it too if it is given the context: contextvars.copy_context().run.

A run() over its time is answered with 500. An async run() is then cancelled; any other keeps its slot until it ends.
While every slot of a worker is held so, / answers 503, requests are refused with 429, and the log says where they are.
When none has ended in twice its time, and at the latest after WORKER_TIMEOUT, the worker ends with 4: one of several is
replaced, one alone is for whoever keeps the server to start again. With a debugger it does not end.

routes: / (health), /score, /swagger.json?version=2|3|3.1, /-/metrics (of the worker that answers, for Prometheus),
        /-/served (digests of the code and model that this worker loaded, and of the same files as they are now)

exit codes: 0 stopped, 2 wrong settings or a taken address, 3 the script cannot be imported or its init() failed,
            4 every slot was held by a run() that hung, 1 nothing at all moved for WORKER_TIMEOUT

example:
  AML_APP_ROOT=src AZUREML_ENTRY_SCRIPT=score.py python -m reconciler.scoring --port 5001
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a score.py, and give the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        take_variables(os.environ)
        settings = read_settings(os.environ)
        capture_streams()
        log_to_stderr(settings.log_level)
        address = bound_unix(arguments.uds) if arguments.uds else bound_tcp(arguments.host, arguments.port)
        with address as sock:
            return serve_workers(settings, sock)
    except (SettingsError, BindError) as error:
        sys.stderr.write(f"reconciler.scoring: {error}\n")
        return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler.scoring",
        description="Serve a score.py over HTTP: init() once per worker, run(raw_data) for every request to /score.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen on this unix socket, not on TCP")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5001, help="port to listen on (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
