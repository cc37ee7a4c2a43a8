"""The command line: python -m reconciler.scoring."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from reconciler.scoring.logs import log_to_stderr
from reconciler.scoring.settings import SettingsError, read_settings
from reconciler.scoring.sockets import BindError, bound_tcp, bound_unix
from reconciler.scoring.workers import serve_workers

USAGE_ERROR = 2
EPILOG = """\
environment:
  AML_APP_ROOT                   folder of the code: working directory and first place of imports (.)
  AZUREML_ENTRY_SCRIPT           the script, relative to AML_APP_ROOT (required)
  WORKER_COUNT                   processes that serve (1)
  WORKER_TIMEOUT                 seconds that import and init() may take (300)
  SCORING_TIMEOUT_MS             milliseconds that one run() may take (3600000)
  AZUREML_LOG_LEVEL              DEBUG, INFO, WARNING, ERROR or CRITICAL (INFO)
  MLOPS_MAX_CONCURRENT_REQUESTS  run()s at a time, shared out among the workers; more wait (1)
  MLOPS_MAX_BODY_BYTES           larger requests are refused with 413; 0 is no limit (0)
  MLOPS_DRAIN_SECONDS            after SIGTERM: how long requests are still taken at most,
                                 and then how long those in flight have to end (10)
  MLOPS_DRAIN_GRACE_SECONDS      after SIGTERM: without a request for so long, the server ends (0.5)

exit codes: 0 stopped, 2 wrong settings or a taken address, 3 the script cannot be imported or its init() failed

example:
  AML_APP_ROOT=src AZUREML_ENTRY_SCRIPT=score.py python -m reconciler.scoring --port 5001
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a score.py, and give the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        settings = read_settings(os.environ)
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
