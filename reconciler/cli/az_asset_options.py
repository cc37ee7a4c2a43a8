"""Options that the commands of `az ml model` and `az ml environment` share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import az_options as az
from reconciler.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reconciler.imperative.asset_versions import Named, View
    from reconciler.imperative.assets import Given

Name = Annotated[str, typer.Option("--name", "-n", help="Name of the asset.")]
Version = Annotated[str, typer.Option("--version", "-v", help="Version; by default one more than there are.")]
OfVersion = Annotated[str, typer.Option("--version", "-v", help="One version.")]
Label = Annotated[str, typer.Option("--label", "-l", help="In the place of a version: latest.")]
Description = Annotated[str | None, typer.Option("--description", "-d", help="What it is, for people.")]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tags", metavar="NAME=VALUE...", help="Labels of your own; may be given several times."),
]
Datastore = Annotated[str, typer.Option("--datastore", help="The datastore to upload to.")]
MaxResults = Annotated[int | None, typer.Option("--max-results", "-r", min=1, help="How many rows at the most.")]
IncludeArchived = Annotated[bool, typer.Option("--include-archived", help="Also what is archived.")]
ArchivedOnly = Annotated[bool, typer.Option("--archived-only", help="What is archived alone.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait once its content is stored, which is most of it.")]
RegistryName = Annotated[str, typer.Option("--registry-name", help="Not built: a target is the registry.", hidden=True)]


def refuse_registry(name: str) -> None:
    """Refuse a registry that several workspaces share: each target has a registry of its own.

    Raises:
        MlopsError: one is named.
    """
    if name:
        raise MlopsError("--registry-name: there are no shared registries here; each target has one, see --target")


def named_of(kind: str, name: str, version: str, label: str, registry_name: str) -> "Named":
    """The asset that a command names, and which versions of it.

    Raises:
        MlopsError: a shared registry is named.
    """
    from reconciler.imperative.asset_versions import Named  # noqa: PLC0415 - --help loads none of it

    refuse_registry(registry_name)
    return Named(kind, name, version, label)


def given_of(
    kind: str, name: str, file: Path | None, overrides: list[str] | None, said: dict[str, Any], tags: list[str] | None
) -> "Given":
    """What a command gives of one version; what is None or empty was not said."""
    from reconciler.imperative.assets import Given  # noqa: PLC0415 - --help loads none of it
    from reconciler.load.overrides import parse_field  # noqa: PLC0415

    fields = {path: value for path, value in said.items() if value not in (None, "")}
    if tags is not None:
        fields["tags"] = az.pairs_of(tags, "--tags")
    if not (name or file):
        raise typer.BadParameter("give a name, or a file that has one", param_hint="--name")
    return Given(kind, name, file, fields, tuple(parse_field(word) for word in overrides or ()))


def view_of(
    *,
    include_archived: bool,
    archived_only: bool,
    most: int | None,
    fits: "Callable[[Mapping[str, Any]], bool] | None" = None,
) -> "View":
    """Which versions a list tells.

    Raises:
        BadParameter: both are asked for, which contradict each other.
    """
    from reconciler.imperative.asset_versions import View  # noqa: PLC0415 - --help loads none of it

    if include_archived and archived_only:
        raise typer.BadParameter("give one of the two", param_hint="--include-archived, --archived-only")
    archived = include_archived or archived_only
    return View(archived=archived, active=not archived_only, fits=fits or (lambda _spec: True), most=most)
