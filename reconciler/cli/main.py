"""The command `mlops`."""

import atexit
import gc
import os
import sys

from reconciler import __version__
from reconciler.cli.saying import log_handler, say, warn

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from typing import NoReturn


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _have_streams()
    gc.disable()  # a run is short and makes many values and no cycles; looking for some takes a tenth of a plan's time
    if _said_at_once(sys.argv[1:]):
        _end(0)
    words = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(words) < len(sys.argv) - 1 or bool(os.environ.get("MLOPS_DEBUG"))
    if debug:
        import logging  # noqa: PLC0415 - only whoever debugs needs it

        logging.basicConfig(level=logging.DEBUG, handlers=[log_handler()])
    try:
        code = ran(words, debug=debug)
    except KeyboardInterrupt:  # while that was loaded which says so of all that comes after
        from reconciler.cli.handler import interrupted  # noqa: PLC0415 - most runs are not

        code = interrupted(looks=False)
    _end(code)


def _have_streams() -> None:
    """Have standard streams that are closed lead nowhere; else the next file that is opened, as a record, were one."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115, PTH123 - it stays open, and lowest
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def _said_at_once(words: list[str]) -> bool:
    """Whether it is known without much ado what is to be said, and it is said."""
    try:
        said = (f"mlops {__version__}", "") if words == ["--version"] else _known(words)
        if said:
            answer, aside = said
            if aside:
                warn(aside)
            say(answer, colours=True)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where errors become messages has it
        _end(_broken_off(error))
    return said is not None


def _broken_off(error: BaseException) -> int:
    """Tell as of any other command why not all was said, once: what was said before it is not said again."""
    from reconciler.cli.handler import run  # noqa: PLC0415 - most runs come to their end

    def again() -> None:
        raise error

    return run(again, debug=bool(os.environ.get("MLOPS_DEBUG")), looks=True)


def _known(words: list[str]) -> "tuple[str, str] | None":
    """What a plan says, and warns of, that is known at a glance."""
    if words[:1] != ["plan"]:
        return None
    from reconciler.remembering.glance import glance  # noqa: PLC0415 - no other command has any

    return glance(words[1:], leave=True)


def ran(words: list[str], *, debug: bool) -> int:
    """Run a command line, traced where that is asked for, and give its exit code."""
    from reconciler.cli.handler import run  # noqa: PLC0415 - half of what it takes to say the version
    from reconciler.cli.plain import PLAIN  # noqa: PLC0415 - as above
    from reconciler.cli.table import COMMANDS  # noqa: PLC0415 - as above
    from reconciler.telemetry import begin  # noqa: PLC0415 - as above

    if " ".join(words[:2]) in COMMANDS:  # those of two words are no groups: `logs` by itself takes an address
        words[:2] = [" ".join(words[:2])]
    command = f"mlops {words[0]}" if words[:1] and words[0] in COMMANDS else "mlops"
    offline = any(word.partition("=")[0] in ("--offline", "--against") for word in words)
    trace = None if offline else begin(command)  # offline, no socket is opened
    code = run(lambda: called(words, debug=debug), debug=debug, looks=not PLAIN.isdisjoint(words[:1]))
    if trace and not trace.end(code):
        warn("mlops: nobody took the trace in time; see OTEL_EXPORTER_OTLP_ENDPOINT")
    return code


def called(words: list[str], *, debug: bool) -> int | None:
    """Make the call that is asked for, without typer where it is plain; what comes of an error typer alone decides."""
    from reconciler.cli.plain import call_of  # noqa: PLC0415 - as above

    failure: BaseException | None = None
    call = None if debug else call_of(words)  # whoever debugs sees one way
    if call:
        try:
            return call()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again below
            failure = error
    from reconciler.cli.program import command_line  # noqa: PLC0415 - it loads typer

    code: int | None = command_line(words, failure).main(words, prog_name="mlops", standalone_mode=False)
    return code


def _end(code: int) -> "NoReturn":
    """End the process at once: to take all of it apart takes Python a sixth of a short run.

    Also where something hangs in a thread: a step that was left behind is not waited for.
    """
    threading = sys.modules.get("threading")  # nobody has begun a thread who has not loaded it
    if threading is None or threading.active_count() == 1:
        atexit._run_exitfuncs()  # noqa: SLF001 - Python has no other name for what it does itself at an end
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - what suppresses it takes 5 ms to load
            stream.flush()
        except OSError:
            pass
    os._exit(code)
