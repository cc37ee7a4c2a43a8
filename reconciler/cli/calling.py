"""The commands that use an endpoint: invoke, credentials."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.answering import print_answer
from reconciler.cli.saying import put, warn
from reconciler.core.address import Address
from reconciler.errors import MlopsError

if TYPE_CHECKING:
    from reconciler.core.answer import Answer
    from reconciler.core.state import Live
    from reconciler.workspace import Workspace

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Name of the endpoint.")]


def credentials(
    endpoint: EndpointArgument,
    rotate: Annotated[
        o.Key | None, typer.Option("--rotate", help="First put a new key in the place of this one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    target: o.Target = None,
    query: o.Query = "",
    output: o.OutputOption = o.Output.JSON,
) -> None:
    """Print what opens an endpoint: its keys, or a fresh token.

    They are secrets: whoever has one may invoke the endpoint. With --rotate the old key opens nothing once the command
    ends; the other one is not interrupted.

    \b
    Examples:
      mlops credentials credit --query primaryKey -o tsv
      mlops credentials credit --rotate secondary --yes
    """
    from reconciler.operate.access import credential_source, live_object  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.rotation import rotate_key  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    address = _endpoint(endpoint)
    with open_workspace(target) as workspace:
        live = live_object(workspace, address)
        if rotate and not (yes or _agreed(address, rotate)):
            warn("Nothing was changed.")
            raise typer.Exit(1)
        if rotate:
            rotate_key(workspace, address, rotate.value)
        print_answer(dict(credential_source(workspace).credentials(address)), query, output)
    say_whom_to_trust(live)


def invoke(
    endpoint: EndpointArgument,
    request_file: Annotated[
        Path | None, typer.Option("--request-file", "-r", help="JSON file to send; - for standard input.")
    ] = None,
    deployment: Annotated[
        str, typer.Option("--deployment", "--deployment-name", "-d", help="Ask this deployment, whatever the traffic.")
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token", metavar="FILE", help="File with the token to send; - for standard input; or MLOPS_TOKEN."
        ),
    ] = None,
    target: o.Target = None,
) -> None:
    """Send a request to an endpoint.

    It goes through the gateway, as its users' requests do: with the endpoint's key or a fresh token. Where somebody
    else hands out the tokens (auth_mode: aad_token), give one by --token or in the environment variable MLOPS_TOKEN.

    \b
    Examples:
      mlops invoke credit --request-file sample-request.json
      mlops invoke credit --deployment green -r sample-request.json
    """
    from reconciler.workspace import open_workspace  # noqa: PLC0415 - --help loads none of it

    if request_file and request_file == token_file == Path("-"):
        raise MlopsError("standard input cannot be both the request and the token")
    body = request_of(request_file)
    token = _read(token_file, "token").decode().strip() if token_file else ""
    with open_workspace(target) as workspace:
        answer = answered(workspace, endpoint, body, deployment=deployment, token=token)
    put(answer.text)


def say_whom_to_trust(live: "Live") -> None:
    """Say on standard error what a client of an endpoint needs whose gateway has made its certificate itself."""
    certificate = live.detail.get("certificate", {})
    if certificate.get("self_signed"):
        warn(f"The gateway's certificate is self-signed; clients trust it by {certificate['file']}")


def request_of(file: Path | None) -> bytes:
    """What is to be sent; an empty mapping where no file is named."""
    return _read(file, "request") if file else b"{}"


def answered(workspace: "Workspace", endpoint: str, body: bytes, *, deployment: str = "", token: str = "") -> "Answer":
    """What an endpoint answers; without a token that of the environment is sent, if there is one.

    Raises:
        InvocationError: it is anything but 200.
    """
    from reconciler.operate.client import TOKEN, refusal  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.invoke import invoke as send  # noqa: PLC0415

    token = token or os.environ.get(TOKEN, "")
    answer = send(workspace, _endpoint(endpoint), body, deployment=deployment, token=token)
    if answer.status != 200:
        raise refusal(endpoint, answer)
    return answer


def _endpoint(name: str) -> Address:
    return Address("endpoint", name.removeprefix("endpoint/").lower())


def _agreed(endpoint: Address, which: o.Key) -> bool:
    from reconciler.cli.asking import agreed  # noqa: PLC0415 - only a rotation asks

    return agreed(f"Replace the {which} key of {endpoint}? The old one opens nothing from then on.", flag="--yes")


def _read(file: Path, what: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise MlopsError(f"the {what} file {file} cannot be read: {error.strerror}") from error
