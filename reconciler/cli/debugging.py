"""The command that debugs: debug."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.saying import foreign_lines, put, say, warn
from reconciler.cli.wishes import wish_of
from reconciler.core.address import Address

if TYPE_CHECKING:
    from reconciler.operate.debug_server import Ports
    from reconciler.operate.debugging import Subject

_KINDS = ("deployment/", "endpoint/", "model/", "environment/")


class DebugForm(StrEnum):
    """How it is told how to attach."""

    TEXT = "text"
    JSON = "json"


class _ToldToEndError(BaseException):
    """SIGTERM has come."""


def debug(
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="[DEPLOYMENT]", help="ENDPOINT/NAME, or deployment/ENDPOINT/NAME; by default the only one."
        ),
    ] = "",
    files: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", metavar="PATH", help="Files to go by; by default the folder of mlops.yaml."),
    ] = None,
    recorded: Annotated[bool, typer.Option("--recorded", help="As it is recorded, not as the files say.")] = False,
    container: Annotated[
        bool, typer.Option("--container", help="In a container of the image, of a docker target.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Load score.py only once a debugger has attached.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where it takes requests; 5001, or a free one.")
    ] = None,
    debug_port: Annotated[
        int | None, typer.Option("--debug-port", min=1, max=65535, help="Where debugpy listens; 5678, or a free one.")
    ] = None,
    form: Annotated[
        DebugForm, typer.Option("--format", help="json prints the launch configuration alone, the rest on stderr.")
    ] = DebugForm.TEXT,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    target: o.Target = None,
) -> int:
    """Run one deployment's score.py in the foreground, open to a debugger.

    It runs as a local target would run it, with the model, environment and variables of the files, from the code as it
    lies in the working tree: set breakpoints there, attach, send a request. Nothing is applied or recorded, no time
    limit counts, and nothing listens but on 127.0.0.1. With --wait breakpoints in init() are hit, too. While a debugger
    is attached, an edit of a function counts at once; for any other end it with Ctrl-C and start it again.

    \b
    Examples:
      mlops debug deployment/credit/blue
      mlops debug credit/blue --wait
      mlops debug credit/blue --recorded
      mlops debug --file endpoint.yml --file blue.yml --format json
    """
    from reconciler.operate.debug_server import ports_of  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.debug_session import session  # noqa: PLC0415
    from reconciler.operate.debugging import subject_of  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    ports, meant = ports_of(port, debug_port), _address(deployment)
    wish = wish_of(files, variables, overrides, ("", ""))
    is_json = form is DebugForm.JSON
    output, quiet = (sys.stderr, nullcontext()) if is_json else (None, foreign_lines())
    try:
        with _ended_in_order():
            with open_workspace(target) as workspace:
                subject = subject_of(workspace, wish, meant, warn, recorded=recorded, container=container)
            with quiet, session(subject, ports, wait=wait, output=output) as running:
                running.await_listening()
                _tell(subject, ports, is_json=is_json)
                running.await_end()
    except _ToldToEndError:
        return 0
    return 0


def _tell(subject: "Subject", ports: "Ports", *, is_json: bool) -> None:
    from reconciler.render.debugging import debug_text, launch_configuration  # noqa: PLC0415 - as above
    from reconciler.render.values import json_text  # noqa: PLC0415

    address = str(subject.address)
    configuration = launch_configuration(
        address,
        port=ports.debugger,
        mappings=[(str(local), str(remote)) for local, remote in subject.mappings],
        watched=str(subject.watched or ""),
    )
    sample = os.path.relpath(subject.sample) if subject.sample else ""
    text = debug_text(address, configuration, port=ports.scoring, sample=sample, notes=subject.notes)
    if is_json:
        put(json_text(configuration))
        sys.stdout.flush()
        warn(text)
    else:
        say(text)


def _address(word: str) -> Address | None:
    if not word:
        return None
    try:
        address = Address.parse(word if word.startswith(_KINDS) else f"deployment/{word}")
    except ValueError:
        address = None
    if address is None or not address.endpoint:
        raise typer.BadParameter(f"{word!r} names no deployment; write ENDPOINT/NAME or deployment/ENDPOINT/NAME")
    return Address("deployment", address.name.lower(), endpoint=address.endpoint.lower())


@contextmanager
def _ended_in_order() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise _ToldToEndError

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
