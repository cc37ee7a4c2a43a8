"""The commands `model …`, as `az ml` has them."""

from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli import az_asset_options as asset
from reconciler.cli import az_assets
from reconciler.cli import az_options as az


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
    no_wait: asset.NoWait = False,
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> int:
    """Register a model: a file or a folder under a name and a version.

    Without a version it is one more than there are; content that the latest one has already is that version.

    \b
    Examples:
      mlops model create --name risk --path outputs/model
      mlops model create -n risk -v 3 -p outputs/model --type mlflow_model --tags run=42 by=ana
      mlops model create -f model.yml
    """
    asset.refuse_registry(registry_name)
    said = {"version": version, "path": path, "type": kind, "description": description}
    given = asset.given_of("model", name, file, overrides, {**said, "stage": stage, "datastore": datastore}, tags)
    chosen = az.target_of(target, local=local)
    return az_assets.print_created(
        given,
        chosen,
        no_wait=no_wait,
        lock_timeout=lock_timeout,
        quiet=only_errors,
        query=query,
        output=output,
    )


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
) -> None:
    """Show a version of a model.

    \b
    Examples:
      mlops model show -n risk -v 3
      mlops model show -n risk --label latest --query id -o tsv
    """
    chosen = az.target_of(target, local=local)
    az_assets.print_version(
        asset.named_of("model", name, version, label, registry_name), chosen, query=query, output=output
    )


def list_(
    name: Annotated[str, typer.Option("--name", "-n", help="List the versions of this one, the newest first.")] = "",
    max_results: asset.MaxResults = None,
    include_archived: asset.IncludeArchived = False,
    archived_only: asset.ArchivedOnly = False,
    stage: Annotated[str, typer.Option("--stage", "-s", help="Those of a stage.")] = "",
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME[=VALUE]...", help="Those that have these tags.")
    ] = None,
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """List models, each with its latest version; with --name the versions of one.

    \b
    Examples:
      mlops model list -o table
      mlops model list -n risk --query "[].version" -o tsv
    """
    asset.refuse_registry(registry_name)
    fits = az_assets.fitting(stage, tags or ())
    view = asset.view_of(include_archived=include_archived, archived_only=archived_only, most=max_results, fits=fits)
    az_assets.print_list("model", name, view, az.target_of(target, local=local), query=query, output=output)


def archive(
    name: asset.Name,
    version: asset.OfVersion = "",
    label: asset.Label = "",
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",  # noqa: ARG001 - nothing is printed
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001
    only_errors: az.OnlyErrors = False,
) -> int:
    """Put a model away: it is listed no more and is not the latest; what names a version still gets it.

    Without a version all versions are.

    \b
    Examples:
      mlops model archive -n risk -v 3
      mlops model archive -n risk
    """
    named, chosen = asset.named_of("model", name, version, label, registry_name), az.target_of(target, local=local)
    return az_assets.put_away(named, chosen, archived=True, lock_timeout=lock_timeout, quiet=only_errors)


def restore(
    name: asset.Name,
    version: asset.OfVersion = "",
    label: asset.Label = "",
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",  # noqa: ARG001 - nothing is printed
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001
    only_errors: az.OnlyErrors = False,
) -> int:
    """Bring an archived model back.

    Without a version all versions are.

    \b
    Examples:
      mlops model restore -n risk -v 3
      mlops model restore -n risk
    """
    named, chosen = asset.named_of("model", name, version, label, registry_name), az.target_of(target, local=local)
    return az_assets.put_away(named, chosen, archived=False, lock_timeout=lock_timeout, quiet=only_errors)


def update(
    name: asset.Name,
    version: asset.OfVersion = "",
    label: asset.Label = "",
    overrides: az.Set = None,
    added: az.Add = None,
    removed: az.Remove = None,
    force_string: az.ForceString = False,
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> int:
    """Change the description, tags or properties of a version; its content never changes.

    \b
    Examples:
      mlops model update -n risk -v 3 --set tags.approved=yes description="for the pilot"
      mlops model update -n risk --label latest --remove tags.approved
    """
    words = {"sets": overrides or (), "adds": added or (), "removes": removed or ()}
    return az_assets.print_updated(
        asset.named_of("model", name, version, label, registry_name),
        words,
        az.target_of(target, local=local),
        literal=force_string,
        lock_timeout=lock_timeout,
        quiet=only_errors,
        query=query,
        output=output,
    )


def download(
    name: asset.Name,
    version: asset.OfVersion = "",
    label: asset.Label = "",
    folder: Annotated[
        Path, typer.Option("--download-path", "-p", help="The folder in which a folder of the model's name is made.")
    ] = Path(),
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",  # noqa: ARG001 - nothing is printed
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001
    only_errors: az.OnlyErrors = False,
) -> None:
    """Download the files of a model; files that are there already are replaced.

    \b
    Examples:
      mlops model download -n risk -v 3 --download-path artifacts
    """
    named = asset.named_of("model", name, version, label, registry_name)
    az_assets.download(named, az.target_of(target, local=local), folder, quiet=only_errors)
