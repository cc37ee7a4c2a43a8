"""The commands `online-endpoint …` that change an endpoint, as `az ml` has them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import az_options as az
from reconciler.cli.answering import print_answer
from reconciler.cli.az_running import in_background, running
from reconciler.cli.saying import warn

if TYPE_CHECKING:
    from reconciler.wishes import Applied, Manner
    from reconciler.workspace import Workspace

Name = Annotated[str, typer.Option("--name", "-n", help="Name of the endpoint; wins over that of the file.")]
Shares = list[str] | None


def create(
    name: Name = "",
    file: az.File = None,
    auth_mode: Annotated[str, typer.Option("--auth-mode", help="key, aml_token or aad_token.")] = "",
    overrides: az.Set = None,
    local: az.Local = False,
    no_wait: az.NoWait = False,
    yes: az.Yes = False,
    web: az.Web = False,  # noqa: ARG001
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> int:
    """Make an endpoint; one that is there is brought to what the file says.

    What the file leaves out is its default, only traffic stays as it is. With --local a new one asks for no key, as the
    local ones of the Azure CLI.

    \b
    Examples:
      mlops online-endpoint create --name my-endpoint -f endpoint.yml
      mlops online-endpoint create -n my-endpoint --auth-mode key
    """
    if no_wait and in_background(quiet=only_errors):
        return 0

    from reconciler.imperative import endpoints  # noqa: PLC0415 - --help loads none of it
    from reconciler.load import Override  # noqa: PLC0415
    from reconciler.load.overrides import parse_field  # noqa: PLC0415

    option = [Override("", "auth_mode", auth_mode, "--auth-mode")] if auth_mode else []
    given = [*option, *(parse_field(word) for word in overrides or ())]

    def make(workspace: "Workspace", manner: "Manner") -> "tuple[str, Applied]":
        return endpoints.create(workspace, name, manner, file=_text(file), overrides=given, keyless=local)

    return _changed(
        make,
        "online-endpoint create",
        az.target_of(target, local=local),
        lock_timeout=lock_timeout,
        quiet=only_errors,
        yes=yes,
        printed=(query, output),
    )


def update(
    name: Name = "",
    file: az.File = None,
    traffic: Annotated[
        Shares,
        typer.Option("--traffic", "-r", metavar="NAME=PERCENT...", help="All of the traffic, as `blue=90 green=10`."),
    ] = None,
    mirror_traffic: Annotated[
        Shares, typer.Option("--mirror-traffic", metavar="NAME=PERCENT...", help="All of the mirrored traffic.")
    ] = None,
    overrides: az.Set = None,
    additions: az.Add = None,
    removals: az.Remove = None,
    force_string: az.ForceString = False,
    local: az.Local = False,
    no_wait: az.NoWait = False,
    yes: az.Yes = False,
    web: az.Web = False,  # noqa: ARG001
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> int:
    """Change an endpoint: its traffic, tags and settings.

    Without a file what is recorded stays, but for what the options say. What cannot be changed in place, such as the
    identity, is deleted and made anew once that is agreed to; with deployments it is refused.

    \b
    Examples:
      mlops online-endpoint update -n my-endpoint --traffic "blue=90 green=10"
      mlops online-endpoint update -n my-endpoint --mirror-traffic green=10
      mlops online-endpoint update -n my-endpoint --set tags.team=risk --remove tags.owner
      mlops online-endpoint update -f endpoint.yml
    """
    if no_wait and in_background(quiet=only_errors):
        return 0

    from reconciler.imperative import endpoints  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.amending import amendment_of  # noqa: PLC0415
    from reconciler.imperative.viewing import endpoint_address  # noqa: PLC0415
    from reconciler.load.overrides import parse_field  # noqa: PLC0415

    az.refuse_both(file, additions, removals)
    if not (name or file):
        raise typer.BadParameter("say which endpoint, or give a --file", param_hint="--name")
    sets, adds, removes = overrides or (), additions or (), removals or ()
    amendment = amendment_of(endpoint_address(name), sets=sets, adds=adds, removes=removes, literal=force_string)
    given = [parse_field(word, literal=force_string) for word in sets]
    shares = {
        "traffic": az.pairs_of(traffic, "--traffic"),
        "mirror_traffic": az.pairs_of(mirror_traffic, "--mirror-traffic"),
    }

    def change(workspace: "Workspace", manner: "Manner") -> "tuple[str, Applied]":
        if file:
            return endpoints.update_by_file(workspace, name, manner, file=str(file), overrides=given, shares=shares)
        return name, endpoints.update(workspace, manner, amendment, shares)

    return _changed(
        change,
        "online-endpoint update",
        az.target_of(target, local=local),
        lock_timeout=lock_timeout,
        quiet=only_errors,
        yes=yes,
        printed=(query, output),
    )


def delete(
    name: az.EndpointName,
    yes: az.Yes = False,
    local: az.Local = False,
    no_wait: az.NoWait = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",  # noqa: ARG001 - nothing is printed
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001
    only_errors: az.OnlyErrors = False,
) -> int:
    """Delete an endpoint and its deployments.

    \b
    Examples:
      mlops online-endpoint delete -n my-endpoint --yes
    """
    if no_wait and yes and in_background(quiet=only_errors):
        return 0

    from reconciler.cli.az_deleting import deleted  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative import deleting  # noqa: PLC0415
    from reconciler.imperative.viewing import endpoint_address  # noqa: PLC0415

    address = endpoint_address(name)
    return deleted(
        address,
        deleting.delete,
        az.target_of(target, local=local),
        question=f"Delete {address} and its deployments?",
        yes=yes,
        no_wait=no_wait,
        lock_timeout=lock_timeout,
        quiet=only_errors,
    )


def _changed(
    change: "Callable[[Workspace, Manner], tuple[str, Applied]]",
    command: str,
    target: str | None,
    *,
    lock_timeout: float,
    quiet: bool,
    yes: bool,
    printed: tuple[str, az.AzOutput],
) -> int:
    """Make a change, and print the endpoint as it is then."""
    from reconciler.cli.applying import code_of  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import endpoint_shown  # noqa: PLC0415

    with running(command, target, lock_timeout=lock_timeout, quiet=quiet, yes=yes) as (workspace, manner):
        name, applied = change(workspace, manner)
        code = code_of(applied, manner, again=f"give `mlops {command}`")
        if applied.declined:
            warn("Nothing was changed.")
            return code
        if not (quiet or applied.planned.plan.steps):
            warn(f"endpoint/{name.lower()} is as it is wanted already; nothing was done.")
        print_answer(endpoint_shown(workspace, name), *printed)
        return code


def _text(file: Path | None) -> str:
    return str(file) if file else ""
