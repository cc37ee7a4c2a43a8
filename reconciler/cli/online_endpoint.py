"""The commands `online-endpoint …`, as `az ml` has them."""

from typing import Annotated

import typer

from reconciler.cli import az_options as az
from reconciler.cli.answering import print_answer
from reconciler.cli.applying import code_of
from reconciler.cli.az_running import az_manner, in_background, say_why


def create(
    name: az.EndpointName = "",
    file: az.File = None,
    auth_mode: Annotated[str, typer.Option("--auth-mode", help="key, aml_token or aad_token.")] = "",
    overrides: az.Set = None,
    local: az.Local = False,
    no_wait: az.NoWait = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
    verbose: az.Verbose = False,  # noqa: ARG001
    resource_group: az.ResourceGroup = "",  # noqa: ARG001
    workspace_name: az.Workspace = "",  # noqa: ARG001
    subscription: az.Subscription = "",  # noqa: ARG001
) -> int:
    """Make an endpoint; one that is there is brought to what the file says.

    \b
    Examples:
      mlops online-endpoint create --name my-endpoint -f endpoint.yml
      mlops online-endpoint create -n my-endpoint --auth-mode key
    """
    from reconciler.core.amendment import Spelled  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative import endpoints  # noqa: PLC0415
    from reconciler.load.overrides import parse_field  # noqa: PLC0415
    from reconciler.wishes import Wish  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    if no_wait and in_background(quiet=only_errors):
        return 0
    given = {"auth_mode": auth_mode} if auth_mode else {}
    changes = tuple(parse_field(word) for word in overrides or ())
    changes += tuple(parse_field(f"{field}={value}") for field, value in given.items())
    spelled = () if file else (Spelled("endpoint", {"name": name}),)
    paths = (str(file),) if file else ()
    wish = Wish(paths, overrides=changes, name=name, kind="endpoint", spelled=spelled, blame=False)
    command = "online-endpoint create"
    with (
        open_workspace(az.target_of(target, local=local)) as workspace,
        az_manner(command, lock_timeout=lock_timeout, quiet=only_errors) as manner,
    ):
        code = code_of(endpoints.create(workspace, wish, manner), manner, again=command)
        print_answer(endpoints.show(workspace, name), query, output)
        return code


def show(
    name: az.EndpointName,
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
    verbose: az.Verbose = False,  # noqa: ARG001
    resource_group: az.ResourceGroup = "",  # noqa: ARG001
    workspace_name: az.Workspace = "",  # noqa: ARG001
    subscription: az.Subscription = "",  # noqa: ARG001
) -> None:
    """Show an endpoint.

    \b
    Examples:
      mlops online-endpoint show -n my-endpoint
      mlops online-endpoint show -n my-endpoint --query scoring_uri -o tsv
    """
    from reconciler.imperative import endpoints  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(az.target_of(target, local=local)) as workspace:
        say_why(workspace, endpoints.endpoint_address(name))
        print_answer(endpoints.show(workspace, name), query, output)


def delete(
    name: az.EndpointName,
    yes: az.Yes = False,
    local: az.Local = False,
    no_wait: az.NoWait = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",  # noqa: ARG001 - az prints nothing either
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001 - as above
    only_errors: az.OnlyErrors = False,
    verbose: az.Verbose = False,  # noqa: ARG001
    resource_group: az.ResourceGroup = "",  # noqa: ARG001
    workspace_name: az.Workspace = "",  # noqa: ARG001
    subscription: az.Subscription = "",  # noqa: ARG001
) -> int:
    """Delete an endpoint and its deployments.

    \b
    Examples:
      mlops online-endpoint delete -n my-endpoint --yes
    """
    from reconciler.cli.asking import agreed  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative import endpoints  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    if not (yes or agreed(f"Delete endpoint {name} and its deployments?", flag="--yes")):
        return 1
    if no_wait and in_background("--yes", quiet=only_errors):
        return 0
    command = "online-endpoint delete"
    with (
        open_workspace(az.target_of(target, local=local)) as workspace,
        az_manner(command, lock_timeout=lock_timeout, quiet=only_errors) as manner,
    ):
        return code_of(endpoints.delete(workspace, name, manner), manner, again=command)
