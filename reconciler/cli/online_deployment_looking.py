"""The commands `online-deployment …` that look at deployments, as `az ml` has them."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from reconciler.cli import az_options as az
from reconciler.cli.answering import print_answer
from reconciler.cli.saying import foreign_lines, put_line


class Container(StrEnum):
    """Whose log is printed."""

    INFERENCE_SERVER = "inference-server"
    STORAGE_INITIALIZER = "storage-initializer"


class LogForm(StrEnum):
    """How logs are printed: line by line, or all of them as one text in the forms of any answer."""

    TEXT = "text"
    JSON = "json"
    JSONC = "jsonc"
    YAML = "yaml"
    YAMLC = "yamlc"
    TABLE = "table"
    TSV = "tsv"
    NONE = "none"


def show(
    name: az.DeploymentName,
    endpoint_name: az.OfEndpoint,
    local: az.Local = False,
    web: az.Web = False,  # noqa: ARG001
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """Show a deployment; values of its variables are never shown.

    \b
    Examples:
      mlops online-deployment show -n blue -e my-endpoint
      mlops online-deployment show -n blue --endpoint my-endpoint --query provisioning_state -o tsv
    """
    from reconciler.cli.az_running import say_why  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import deployment_address, deployment_shown  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    address = deployment_address(endpoint_name, name)
    with open_workspace(az.target_of(target, local=local)) as workspace:
        say_why(workspace, address)
        print_deployments(deployment_shown(workspace, address), query, output)


def list_(
    endpoint_name: az.OfEndpoint,
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """List the deployments of an endpoint.

    \b
    Examples:
      mlops online-deployment list -e my-endpoint -o table
      mlops online-deployment list --endpoint my-endpoint --query "[].name" -o tsv
    """
    from reconciler.imperative.viewing import deployments_listed  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(az.target_of(target, local=local)) as workspace:
        print_deployments(deployments_listed(workspace, endpoint_name), query, output)


def get_logs(
    name: az.DeploymentName,
    endpoint_name: az.OfEndpoint,
    lines: Annotated[
        int, typer.Option("--lines", "-l", metavar="N", min=0, help="So many of the last lines of every instance.")
    ] = 50,
    container: Annotated[
        Container, typer.Option("--container", "-c", help="What score.py wrote, or what was laid down for it.")
    ] = Container.INFERENCE_SERVER,
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: Annotated[
        LogForm, typer.Option("--output", "-o", case_sensitive=False, help="Lines, or how to print all as one text.")
    ] = LogForm.TEXT,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """Print what a deployment's instances wrote.

    \b
    Examples:
      mlops online-deployment get-logs -n blue -e my-endpoint --lines 100
      mlops online-deployment get-logs -n blue -e my-endpoint -c storage-initializer
    """
    from reconciler.imperative.logs import last_lines  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import deployment_address  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    address = deployment_address(endpoint_name, name)
    with open_workspace(az.target_of(target, local=local)) as workspace:
        found = last_lines(workspace, address, lines=lines, container=container.value)
    if query or output not in (LogForm.TEXT, LogForm.TSV):
        print_answer("\n".join(found), query, LogForm.JSON if output is LogForm.TEXT else output)
        return
    with foreign_lines():
        for line in found:
            put_line(line, flush=False)


def print_deployments(value: Any, query: str, output: az.AzOutput) -> None:
    """Print a deployment or several; a table has columns of its own, as most fields are structures."""
    from reconciler.render.azure_deployments import deployment_row  # noqa: PLC0415 - a plan needs none of it

    if output is az.AzOutput.TABLE and not query:
        value = [deployment_row(each) for each in (value if isinstance(value, list) else [value])]
    print_answer(value, query, output)
