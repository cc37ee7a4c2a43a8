"""The command `mlops`."""

import gc
import os
import sys
import threading
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from reconciler import __version__
from reconciler.cli.commands import Commands
from reconciler.cli.handler import run
from reconciler.cli.saying import log_handler, say, warn
from reconciler.telemetry import begin

COMMANDS = {
    "plan": "planning:plan",
    "apply": "planning:apply",
    "drift": "checking:drift",
    "destroy": "planning:destroy",
    "import": "importing:take_over",
    "validate": "checking:validate",
    "status": "looking:status",
    "show": "looking:show",
    "history": "remembering:history",
    "history show": "remembering:show",
    "history prune": "remembering:prune",
    "rollback": "rolling:rollback",
    "invoke": "calling:invoke",
    "metrics": "observing:metrics",
    "debug": "debugging:debug",
    "logs": "observing:logs",
    "logs query": "observing:query",
    "credentials": "calling:credentials",
    "state list": "recording:list_",
    "state show": "recording:show",
    "state export": "recording:export",
    "state import": "recording:take_in",
    "state verify": "recording:verify",
    "state rebuild": "keeping:rebuild",
    "state unlock": "keeping:unlock",
    "state encrypt": "encrypting:encrypt",
    "state decrypt": "encrypting:decrypt",
    "watch": "watching:watch",
    "watch suspend": "watching:suspend",
    "watch resume": "watching:resume",
    "github comment": "forging:comment",
    "github issue": "forging:issue",
    "github reviewed": "forging:reviewed",
    "online-endpoint create": "online_endpoint:create",
    "online-endpoint show": "online_endpoint_looking:show",
    "online-endpoint list": "online_endpoint_looking:list_",
    "online-endpoint update": "online_endpoint:update",
    "online-endpoint delete": "online_endpoint:delete",
    "online-endpoint invoke": "online_endpoint_looking:invoke",
    "online-endpoint get-credentials": "online_endpoint_looking:get_credentials",
    "online-endpoint regenerate-keys": "online_endpoint_looking:regenerate_keys",
    "online-endpoint list-deployments": "online_endpoint_looking:list_deployments",
    "online-deployment create": "online_deployment:create",
    "online-deployment show": "online_deployment_looking:show",
    "online-deployment list": "online_deployment_looking:list_",
    "online-deployment update": "online_deployment:update",
    "online-deployment delete": "online_deployment:delete",
    "online-deployment get-logs": "online_deployment_looking:get_logs",
    "model create": "model:create",
    "model show": "model:show",
    "model list": "model:list_",
    "model update": "model:update",
    "model archive": "model:archive",
    "model restore": "model:restore",
    "model download": "model:download",
    "environment create": "environment:create",
    "environment show": "environment:show",
    "environment list": "environment:list_",
    "environment update": "environment:update",
    "environment archive": "environment:archive",
    "environment restore": "environment:restore",
    "explain": "explaining:explain",
    "schema": "explaining:schema",
}


class _Commands(Commands):
    places = COMMANDS


app = typer.Typer(
    name="mlops",
    cls=_Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,  # noqa: ARG001
) -> None:
    """Keep machine-learning online endpoints as git says they should be.

    \b
    Exit codes:
      0    done, or nothing to do
      1    error: the files, the state, the platform
      2    with --detailed-exitcode: changes (plan) or drift (drift); with --check: a spent error budget (status)
      3    another run holds the target
      4    refused by a guard or a check of the plan
      5    a step failed
      6    stale plan
      130  interrupted
    """
    if version:
        say(f"mlops {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.disable()  # a run is short and makes many values and no cycles; looking for some takes a tenth of a plan's time
    words = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(words) < len(sys.argv) - 1 or bool(os.environ.get("MLOPS_DEBUG"))
    if debug:
        import logging  # noqa: PLC0415 - only whoever debugs needs it

        logging.basicConfig(level=logging.DEBUG, handlers=[log_handler()])
    command_line = typer.main.get_command(app)
    if " ".join(words[:2]) in COMMANDS:  # those of two words are no groups: `logs` by itself takes an address
        words[:2] = [" ".join(words[:2])]
    command = f"mlops {words[0]}" if words[:1] and words[0] in COMMANDS else "mlops"
    offline = any(word.partition("=")[0] in ("--offline", "--against") for word in words)
    trace = None if offline else begin(command)  # offline, no socket is opened
    code = run(lambda: command_line.main(words, prog_name="mlops", standalone_mode=False), debug=debug)
    if trace and not trace.end(code):
        warn("mlops: nobody took the trace in time; see OTEL_EXPORTER_OTLP_ENDPOINT")
    _end(code)


def _end(code: int) -> NoReturn:
    """End the process, also where something hangs in a thread: a step that was left behind is not waited for."""
    if threading.active_count() > 1:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)
