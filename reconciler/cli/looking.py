"""The commands that look and ask: status, show, credentials, invoke, logs."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from reconciler.cli import options as o
from reconciler.cli.wishes import address_of
from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.render.answers import answer_text, queried
from reconciler.render.values import printable

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="endpoint/NAME, deployment/ENDPOINT/NAME, …")]
EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Name of the endpoint.")]


def status(
    target: o.Target = None,
    report: Annotated[o.Findings, typer.Option("--format", help="How to print it.")] = o.Findings.TEXT,
) -> None:
    """Show what runs on a target.

    Endpoints with their address, deployments with instances and traffic, and the last run.

    \b
    Example:
      mlops status -t prod
    """
    from reconciler.operate import show as operate  # noqa: PLC0415 - --help loads none of it
    from reconciler.render.status import status_text  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        found = operate.status(workspace)
    print(json.dumps(found, indent=2, ensure_ascii=False) if report is o.Findings.JSON else status_text(found))


def show(
    address: AddressArgument, target: o.Target = None, query: o.Query = "", output: o.OutputOption = o.Output.JSON
) -> None:
    """Show one resource as it is live.

    Fields have Azure's names; secrets are shown as numbers.

    \b
    Examples:
      mlops show endpoint/credit
      mlops show endpoint/credit --query scoring_uri -o tsv
    """
    from reconciler.operate.show import shown  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        _print_answer(shown(workspace, address_of(address)), query, output)


def credentials(
    endpoint: EndpointArgument, target: o.Target = None, query: o.Query = "", output: o.OutputOption = o.Output.JSON
) -> None:
    """Print an endpoint's keys.

    They are secrets: whoever has one may invoke the endpoint.

    \b
    Example:
      mlops credentials credit --query primaryKey -o tsv
    """
    from reconciler.operate.access import credential_source, live_object  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    address = Address("endpoint", endpoint.removeprefix("endpoint/").lower())
    with open_workspace(target) as workspace:
        live_object(workspace, address)
        _print_answer(dict(credential_source(workspace).credentials(address)), query, output)


def invoke(
    endpoint: EndpointArgument,
    request_file: Annotated[
        Path | None, typer.Option("--request-file", "-r", help="JSON file to send; - for standard input.")
    ] = None,
    deployment: Annotated[
        str, typer.Option("--deployment", "--deployment-name", "-d", help="Ask this deployment, whatever the traffic.")
    ] = "",
    target: o.Target = None,
) -> None:
    """Send a request to an endpoint.

    It goes through the gateway, with the endpoint's key, as its users' requests do.

    \b
    Examples:
      mlops invoke credit --request-file sample-request.json
      mlops invoke credit --deployment green -r sample-request.json
    """
    from reconciler.operate.invoke import invoke as send  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    body = _body(request_file)
    with open_workspace(target) as workspace:
        answer = send(workspace, endpoint.removeprefix("endpoint/"), body, deployment=deployment)
    text = answer.body.decode(errors="replace")
    if answer.status != 200:
        told = ", ".join(f"{name}: {value}" for name, value in answer.headers if name.startswith("ms-azureml-"))
        said = f" ({told})" if told else ""
        raise MlopsError(
            f"{endpoint} answered {answer.status} {answer.reason}{said}\n{printable(text)[:2000]}".rstrip()
        )
    print(text)


def logs(
    address: AddressArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is yet to come.")] = False,
    tail: Annotated[int, typer.Option("--tail", "--lines", "-l", min=0, help="Lines of every instance.")] = 100,
    target: o.Target = None,
) -> None:
    """Print what a deployment's instances wrote.

    What score.py prints and logs, and tracebacks.

    \b
    Examples:
      mlops logs deployment/credit/blue
      mlops logs deployment/credit/blue -f
    """
    from reconciler.operate.access import live_object, log_source  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    wanted = address_of(address)
    if wanted.kind != "deployment":
        raise MlopsError(f"{address} has no logs; deployments have: deployment/ENDPOINT/NAME")
    with open_workspace(target) as workspace, contextlib.suppress(KeyboardInterrupt):
        source = log_source(workspace)
        live_object(workspace, wanted)
        for line in source.logs(wanted, tail=tail, follow=follow):
            print(line, flush=follow)


def _body(request_file: Path | None) -> bytes:
    if request_file is None:
        return b"{}"
    try:
        return sys.stdin.buffer.read() if str(request_file) == "-" else request_file.read_bytes()
    except OSError as error:
        raise MlopsError(f"the request file {request_file} cannot be read: {error.strerror}") from error


def _print_answer(value: Any, query: str, output: o.Output) -> None:
    found = queried(value, query)
    if output is o.Output.YAML:
        import yaml  # noqa: PLC0415 - only this form needs it

        print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True), end="")
    else:
        print(answer_text(found, output))
