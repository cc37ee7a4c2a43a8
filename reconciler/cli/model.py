"""The commands `model …`, as `az ml` has them."""

from typing import Annotated

import typer

from reconciler.cli import az_asset_options as asset
from reconciler.cli import az_options as az
from reconciler.cli.answering import print_answer
from reconciler.cli.applying import code_of
from reconciler.cli.az_running import az_manner


def create(
    name: asset.Name = "",
    version: asset.Version = "",
    file: az.File = None,
    path: Annotated[str, typer.Option("--path", "-p", help="File or folder, or the URL of one.")] = "",
    kind: Annotated[
        str, typer.Option("--type", "-t", help="custom_model (the default), mlflow_model or triton_model.")
    ] = "",
    description: asset.Description = None,
    tags: asset.Tags = None,
    stage: Annotated[str, typer.Option("--stage", "-s", help="A stage of your own, Production for example.")] = "",
    datastore: asset.Datastore = "",
    overrides: az.Set = None,
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    no_wait: az.NoWait = False,  # noqa: ARG001
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
    """Register a model: a file or a folder under a name and a version.

    \b
    Examples:
      mlops model create --name risk --path outputs/model
      mlops model create -n risk -v 3 -p outputs/model --type mlflow_model --tags run=42 by=ana
      mlops model create -f model.yml
    """
    from reconciler.imperative import assets  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    asset.refuse_registry(registry_name)
    said = {"version": version, "path": path, "type": kind, "description": description}
    given = asset.given_of("model", name, file, overrides, {**said, "stage": stage, "datastore": datastore}, tags)
    command = "model create"
    with (
        open_workspace(az.target_of(target, local=local)) as workspace,
        az_manner(command, lock_timeout=lock_timeout, quiet=only_errors) as manner,
    ):
        applied, address = assets.create(workspace, given, manner)
        code = code_of(applied, manner, again=command)
        print_answer(assets.show(workspace.store, workspace.target.name, address), query, output)
        return code


def show(
    name: asset.Name,
    version: asset.OfVersion = "",
    label: asset.Label = "",
    registry_name: asset.RegistryName = "",
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
    """Show a version of a model.

    \b
    Examples:
      mlops model show -n risk -v 3
      mlops model show -n risk --label latest --query id -o tsv
    """
    from reconciler.imperative import assets  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_record  # noqa: PLC0415

    asset.refuse_registry(registry_name)
    with open_record(az.target_of(target, local=local)) as (chosen, store):
        address = assets.version_of(store, chosen, "model", name, version, label)
        print_answer(assets.show(store, chosen, address), query, output)
