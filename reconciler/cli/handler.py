"""The one place where errors become messages and exit codes."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.cli.saying import ReaderGoneError, fall_silent, warn
from reconciler.errors import ManifestError, MlopsError, ProviderError

if TYPE_CHECKING:
    from typer._click.exceptions import ClickException


_INTERRUPTED = 130


def run(command: Callable[[], int | None], *, debug: bool, looks: bool = False) -> int:
    """Run a command line and return its exit code.

    Args:
        command: does it.
        debug: whether a traceback is shown.
        looks: whether it changes nothing, which whoever interrupts it is told.
    """
    code = 0
    try:
        code = command() or 0
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGoneError):
        fall_silent()
    except KeyboardInterrupt:
        return interrupted(looks=looks)
    except Exception as error:  # noqa: BLE001 - the last net: a person gets a message, a developer the traceback
        if isinstance(error.__cause__, KeyboardInterrupt):  # as Python 3.11 has it where a class is being made
            return interrupted(looks=looks)
        return _ended(error, debug=debug, looks=looks)
    # Of Ctrl-C within a command typer makes this code, and no word.
    return interrupted(looks=looks) if code == _INTERRUPTED else code


def interrupted(*, looks: bool) -> int:
    """Say so; the exit code of it."""
    warn(f"mlops: interrupted{'; nothing was changed' if looks else ''}")
    return _INTERRUPTED


def _ended(error: Exception, *, debug: bool, looks: bool) -> int:
    import typer  # noqa: PLC0415 - a run that ends well does without
    from typer._click.exceptions import ClickException  # noqa: PLC0415 - the base of its usage errors; no public name

    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return interrupted(looks=looks)
    if isinstance(error, ClickException):
        # typer would exit with 2, which here means that there are changes.
        _usage(error)
        return 1
    return _failed(error, debug=debug)


def _failed(error: Exception, *, debug: bool) -> int:
    if debug:
        import traceback  # noqa: PLC0415 - only whoever debugs needs it

        warn("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, ManifestError):
        warn("\n".join(map(str, error.problems)))
        warn(f"mlops: {_counted(error)}; nothing was changed")
    elif isinstance(error, MlopsError):
        for line in error.log_tail if isinstance(error, ProviderError) else ():
            warn(f"  {line}")
        warn(f"mlops: {error}")
    elif isinstance(error, OSError):
        # Such as standard output that is on a full disk, or a folder that is gone.
        warn(f"mlops: the system refuses: {error}; --debug shows where it happened")
    else:
        warn(f"mlops: internal error: {type(error).__name__}: {error}")
        warn("mlops: this is a defect of mlops; --debug shows where it happened")
    return error.exit_code if isinstance(error, MlopsError) else 1


def _usage(error: "ClickException") -> None:
    warn(f"mlops: {error.format_message()}")
    context = getattr(error, "ctx", None)
    if context:
        warn(f"mlops: `{context.command_path} --help` shows what it takes")


def _counted(error: ManifestError) -> str:
    count = sum(problem.is_error for problem in error.problems)
    in_files = any(each.file not in ("", "options") and not each.file.startswith("--") for each in error.problems)
    return f"{count} {'problem' if count == 1 else 'problems'}{' in the files' if in_files else ''}"
