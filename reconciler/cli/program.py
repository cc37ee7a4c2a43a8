"""The command line as typer builds it: what all commands share, and each command when it is asked for."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, NoReturn, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

from reconciler import __version__
from reconciler.cli.commands import Commands
from reconciler.cli.saying import say
from reconciler.cli.table import COMMANDS, SAID


class _Commands(Commands):
    places = COMMANDS
    said = SAID


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


def command_line(words: Sequence[str], failure: BaseException | None = None) -> TyperGroup:
    """The command line; the command that these words ask for ends with a failure that it had before."""
    made = cast("TyperGroup", get_command(app))
    if failure:
        command = made.commands[words[0]]
        command.callback = partial(_fail, failure)
        made.commands = {words[0]: command}
    return made


def _fail(failure: BaseException, **_given: object) -> NoReturn:
    raise failure
