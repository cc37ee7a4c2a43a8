"""The commands `online-endpoint …` that look at endpoints and use them, as `az ml` has them."""

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli import az_options as az
from reconciler.cli import options as o
from reconciler.cli.answering import print_answer
from reconciler.cli.saying import warn


def show(
    name: az.EndpointName,
    local: az.Local = False,
    web: az.Web = False,  # noqa: ARG001
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> None:
    """Show an endpoint.

    \b
    Examples:
      mlops online-endpoint show -n my-endpoint
      mlops online-endpoint show -n my-endpoint --query scoring_uri -o tsv
    """
    from reconciler.cli.az_running import say_why  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import asks_for_no_key, endpoint_address, endpoint_shown  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(az.target_of(target, local=local)) as workspace:
        say_why(workspace, endpoint_address(name))
        if not only_errors and asks_for_no_key(workspace, name):
            warn(f"endpoint/{name.lower()} asks for no key, as it was made with --local.")
        print_answer(endpoint_shown(workspace, name), query, output)


def list_(
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """List the endpoints of a target.

    \b
    Examples:
      mlops online-endpoint list -o table
      mlops online-endpoint list --query "[].name" -o tsv
    """
    from reconciler.imperative.viewing import endpoints_listed  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(az.target_of(target, local=local)) as workspace:
        print_answer(endpoints_listed(workspace), query, output)


def list_deployments(
    name: az.EndpointName,
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """List the deployments of an endpoint.

    \b
    Examples:
      mlops online-endpoint list-deployments -n my-endpoint --query "[].name" -o tsv
    """
    from reconciler.cli.online_deployment_looking import print_deployments  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import deployments_listed  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(az.target_of(target, local=local)) as workspace:
        print_deployments(deployments_listed(workspace, name), query, output)


def invoke(
    name: az.EndpointName,
    request_file: Annotated[
        Path | None, typer.Option("--request-file", "-r", help="JSON file to send; - for standard input.")
    ] = None,
    deployment_name: Annotated[
        str, typer.Option("--deployment-name", "-d", help="Ask this deployment, whatever the traffic.")
    ] = "",
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """Send a request to an endpoint, and print the answer as a text in JSON.

    `-o tsv` prints it as it came. Where somebody else hands out the tokens (auth_mode: aad_token), have one in the
    environment variable MLOPS_TOKEN.

    \b
    Examples:
      mlops online-endpoint invoke -n my-endpoint --request-file sample-request.json
      mlops online-endpoint invoke -n my-endpoint -d green -r sample-request.json -o tsv
    """
    from reconciler.cli.calling import answered, request_of  # noqa: PLC0415 - only those who ask need it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    body = request_of(request_file)
    with open_workspace(az.target_of(target, local=local)) as workspace:
        answer = answered(workspace, name, body, deployment=deployment_name)
    print_answer(answer.text, query, output)


def get_credentials(
    name: az.EndpointName,
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> None:
    """Print what opens an endpoint: its keys, or a fresh token.

    \b
    Examples:
      mlops online-endpoint get-credentials -n my-endpoint --query primaryKey -o tsv
    """
    from reconciler.cli.calling import say_whom_to_trust  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import endpoint_address  # noqa: PLC0415
    from reconciler.operate.access import credential_source, live_object  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(az.target_of(target, local=local)) as workspace:
        live = live_object(workspace, endpoint_address(name))
        print_answer(dict(credential_source(workspace).credentials(live.address)), query, output)
    if not only_errors:
        say_whom_to_trust(live)


def regenerate_keys(
    name: az.EndpointName,
    key_type: Annotated[o.Key, typer.Option("--key-type", case_sensitive=False, help="Which key.")] = o.Key.PRIMARY,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Taken and of no account: nothing is asked.")] = False,  # noqa: ARG001
    local: az.Local = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Taken and of no account: it takes a moment.")] = False,  # noqa: ARG001
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",  # noqa: ARG001 - nothing is printed
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001
    only_errors: az.OnlyErrors = False,
) -> None:
    """Put a new key in the place of one of an endpoint; the old one opens nothing from then on.

    \b
    Examples:
      mlops online-endpoint regenerate-keys -n my-endpoint --key-type secondary
    """
    from reconciler.imperative.viewing import endpoint_address  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.access import live_object  # noqa: PLC0415
    from reconciler.operate.rotation import rotate_key  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    command = "online-endpoint regenerate-keys"
    with open_workspace(az.target_of(target, local=local)) as workspace:
        address = live_object(workspace, endpoint_address(name)).address
        rotate_key(workspace, address, key_type.value, command=command, lock_timeout_s=lock_timeout)
    if not only_errors:
        warn(f"The {key_type} key of endpoint {address.name} is a new one; the old one opens nothing any more.")
