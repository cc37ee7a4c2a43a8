"""The commands `environment …`, as `az ml` has them."""

from typing import Annotated

import typer

from reconciler.cli import az_asset_options as asset
from reconciler.cli import az_assets
from reconciler.cli import az_options as az


def create(
    name: asset.Name = "",
    version: asset.Version = "",
    file: az.File = None,
    image: Annotated[str, typer.Option("--image", "-i", help="Container image.")] = "",
    build_context: Annotated[str, typer.Option("--build-context", "-b", help="Folder to build an image of.")] = "",
    dockerfile_path: Annotated[
        str, typer.Option("--dockerfile-path", "-d", help="The Dockerfile in that folder; by default Dockerfile.")
    ] = "",
    conda_file: Annotated[str, typer.Option("--conda-file", "-c", help="Conda file; needs an image.")] = "",
    os_type: Annotated[str, typer.Option("--os-type", help="linux or windows.")] = "",
    description: Annotated[str | None, typer.Option("--description", help="What it is, for people.")] = None,
    tags: asset.Tags = None,
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
    """Register an environment: an image or a build context, with a conda file, under a name and a version.

    Without a version it is one more than there are; what the latest one is already is that version.

    \b
    Examples:
      mlops environment create --name sklearn --image python:3.11-slim --conda-file conda.yml
      mlops environment create -n own -v 2 --build-context docker --dockerfile-path serving.Dockerfile
      mlops environment create -f environment.yml
    """
    asset.refuse_registry(registry_name)
    said = {
        "version": version,
        "image": image,
        "build.path": build_context,
        "build.dockerfile_path": dockerfile_path,
        "conda_file": conda_file,
        "os_type": os_type,
        "description": description,
        "datastore": datastore,
    }
    given = asset.given_of("environment", name, file, overrides, said, tags)
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
    """Show a version of an environment.

    \b
    Examples:
      mlops environment show -n sklearn -v 3
      mlops environment show -n sklearn --label latest --query id -o tsv
    """
    chosen = az.target_of(target, local=local)
    az_assets.print_version(
        asset.named_of("environment", name, version, label, registry_name), chosen, query=query, output=output
    )


def list_(
    name: Annotated[str, typer.Option("--name", "-n", help="List the versions of this one, the newest first.")] = "",
    max_results: asset.MaxResults = None,
    include_archived: asset.IncludeArchived = False,
    archived_only: asset.ArchivedOnly = False,
    registry_name: asset.RegistryName = "",
    local: az.Local = False,
    target: az.Target = None,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,  # noqa: ARG001
) -> None:
    """List environments, each with its latest version; with --name the versions of one.

    \b
    Examples:
      mlops environment list -o table
      mlops environment list -n sklearn --query "[].version" -o tsv
    """
    asset.refuse_registry(registry_name)
    view = asset.view_of(include_archived=include_archived, archived_only=archived_only, most=max_results)
    az_assets.print_list("environment", name, view, az.target_of(target, local=local), query=query, output=output)


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
    """Put an environment away: it is listed no more and is not the latest; what names a version still gets it.

    Without a version all versions are.

    \b
    Examples:
      mlops environment archive -n sklearn -v 3
      mlops environment archive -n sklearn
    """
    named, chosen = (
        asset.named_of("environment", name, version, label, registry_name),
        az.target_of(target, local=local),
    )
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
    """Bring an archived environment back.

    Without a version all versions are.

    \b
    Examples:
      mlops environment restore -n sklearn -v 3
      mlops environment restore -n sklearn
    """
    named, chosen = (
        asset.named_of("environment", name, version, label, registry_name),
        az.target_of(target, local=local),
    )
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
      mlops environment update -n sklearn -v 3 --set tags.approved=yes description="for the pilot"
      mlops environment update -n sklearn --label latest --remove tags.approved
    """
    words = {"sets": overrides or (), "adds": added or (), "removes": removed or ()}
    return az_assets.print_updated(
        asset.named_of("environment", name, version, label, registry_name),
        words,
        az.target_of(target, local=local),
        literal=force_string,
        lock_timeout=lock_timeout,
        quiet=only_errors,
        query=query,
        output=output,
    )
