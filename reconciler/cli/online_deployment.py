"""The commands `online-deployment …` that change a deployment, as `az ml` has them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import az_options as az
from reconciler.cli.az_running import in_background, running
from reconciler.cli.saying import warn

if TYPE_CHECKING:
    from reconciler.core.address import Address
    from reconciler.wishes import Applied, Manner, Wish
    from reconciler.workspace import Workspace

SkipScript = Annotated[
    bool, typer.Option("--skip-script-validation", help="Do not look whether the scoring script can be served.")
]
Gpu = Annotated[bool, typer.Option("--local-enable-gpu", help="Of no account: instances see the GPUs that there are.")]
Package = Annotated[bool, typer.Option("--package-model", help="Of no account: nothing is packaged.")]
Debug = Annotated[bool, typer.Option("--vscode-debug", help="Say how the scoring script is debugged.")]

_NO_STUDIO = "there is no studio to open; `mlops status` shows what there is"
_GPUS = "instances see the GPUs that their machine or container engine gives them"
_NO_PACKAGE = "nothing is packaged; the deployment is made as its file says"


def create(
    file: Annotated[Path, typer.Option("--file", "-f", help="YAML file of the deployment, as `az ml` takes it.")],
    name: az.DeploymentName = "",
    endpoint_name: az.OfEndpoint = "",
    all_traffic: Annotated[bool, typer.Option("--all-traffic", help="Have it get all of the traffic then.")] = False,
    overrides: az.Set = None,
    skip_script_validation: SkipScript = False,
    local: az.Local = False,
    local_enable_gpu: Gpu = False,
    package_model: Package = False,
    vscode_debug: Debug = False,
    web: az.Web = False,
    yes: az.Yes = False,
    no_wait: az.NoWait = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> int:
    """Make a deployment; one that is there is brought to what the file says.

    Its endpoint must be there. With --all-traffic that sends it everything once it is ready, by the steps of its
    rollout policy where it has one; if the deployment fails, the traffic stays as it was. With --local an endpoint that
    was made so sends it everything if it is the first one, as the local ones of the Azure CLI do.

    \b
    Examples:
      mlops online-deployment create --name blue --endpoint my-endpoint -f blue-deployment.yml --all-traffic
      mlops online-deployment create -n green -e my-endpoint -f green.yml --set instance_count=2 tags.team=risk
    """
    if no_wait and in_background(quiet=only_errors):
        return 0

    from reconciler.imperative import deployments  # noqa: PLC0415 - --help loads none of it

    wish = _of_file(file, name, endpoint_name, overrides, skip_script=skip_script_validation)

    def make(workspace: "Workspace", manner: "Manner") -> "tuple[Address, Applied]":
        return deployments.create(workspace, wish, manner, all_traffic=all_traffic, local=local)

    return _changed(
        make,
        "online-deployment create",
        az.target_of(target, local=local),
        lock_timeout=lock_timeout,
        quiet=only_errors,
        yes=yes,
        printed=(query, output),
        besides=_besides(web=web, gpu=local_enable_gpu, package=package_model, debug=vscode_debug),
    )


def update(
    name: az.DeploymentName = "",
    endpoint_name: az.OfEndpoint = "",
    file: az.File = None,
    overrides: az.Set = None,
    additions: az.Add = None,
    removals: az.Remove = None,
    force_string: az.ForceString = False,
    skip_script_validation: SkipScript = False,
    local: az.Local = False,
    local_enable_gpu: Gpu = False,
    vscode_debug: Debug = False,
    web: az.Web = False,
    yes: az.Yes = False,
    no_wait: az.NoWait = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",
    output: az.Output = az.AzOutput.JSON,
    only_errors: az.OnlyErrors = False,
) -> int:
    """Change a deployment: to what a file says, or in some fields alone.

    What a file leaves out gets its default. Without a file all else stays, values of variables too, although nobody can
    read them; what is removed goes first, then is added, then set. What cannot change in place, such as instance_type,
    is deleted and made anew once that is agreed to.

    \b
    Examples:
      mlops online-deployment update -n blue -e my-endpoint --set instance_count=3
      mlops online-deployment update -n blue -e my-endpoint --set environment_variables.LEVEL=debug --remove tags.team
      mlops online-deployment update -n blue -e my-endpoint --set model=azureml:risk@latest
      mlops online-deployment update -n blue -e my-endpoint -f blue-deployment.yml
    """
    if no_wait and in_background(quiet=only_errors):
        return 0

    from reconciler.imperative import deployments  # noqa: PLC0415 - --help loads none of it

    skip = skip_script_validation
    az.refuse_both(file, additions, removals)
    if file:
        wish = _of_file(file, name, endpoint_name, overrides, literal=force_string, skip_script=skip)
    else:
        words = {"sets": overrides or [], "adds": additions or [], "removes": removals or []}
        wish = _of_words(name, endpoint_name, words, literal=force_string, skip_script=skip)

    def change(workspace: "Workspace", manner: "Manner") -> "tuple[Address, Applied]":
        return deployments.update(workspace, wish, manner)

    return _changed(
        change,
        "online-deployment update",
        az.target_of(target, local=local),
        lock_timeout=lock_timeout,
        quiet=only_errors,
        yes=yes,
        printed=(query, output),
        besides=_besides(web=web, gpu=local_enable_gpu, debug=vscode_debug),
    )


def delete(
    name: az.DeploymentName,
    endpoint_name: az.OfEndpoint,
    yes: az.Yes = False,
    local: az.Local = False,
    no_wait: az.NoWait = False,
    target: az.Target = None,
    lock_timeout: az.LockTimeout = az.PATIENCE_S,
    query: az.Query = "",  # noqa: ARG001 - nothing is printed
    output: az.Output = az.AzOutput.JSON,  # noqa: ARG001
    only_errors: az.OnlyErrors = False,
) -> int:
    """Delete a deployment; one that gets traffic is refused, one that is not there is no error.

    \b
    Examples:
      mlops online-deployment delete -n blue -e my-endpoint --yes
    """
    if no_wait and yes and in_background(quiet=only_errors):
        return 0

    from reconciler.cli.az_deleting import deleted  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative import deployments  # noqa: PLC0415
    from reconciler.imperative.viewing import deployment_address  # noqa: PLC0415

    address = deployment_address(endpoint_name, name)
    return deleted(
        address,
        deployments.delete,
        az.target_of(target, local=local),
        question=f"Delete {address}?",
        yes=yes,
        no_wait=no_wait,
        lock_timeout=lock_timeout,
        quiet=only_errors,
    )


def _changed(
    change: "Callable[[Workspace, Manner], tuple[Address, Applied]]",
    command: str,
    target: str | None,
    *,
    lock_timeout: float,
    quiet: bool,
    yes: bool,
    printed: tuple[str, az.AzOutput],
    besides: dict[str, str],
) -> int:
    """Make a change, and print the deployment as it is then; `besides` is what is said of options."""
    from reconciler.cli.applying import code_of  # noqa: PLC0415 - --help loads none of it
    from reconciler.cli.online_deployment_looking import print_deployments  # noqa: PLC0415
    from reconciler.imperative.viewing import deployment_shown  # noqa: PLC0415

    with running(command, target, lock_timeout=lock_timeout, quiet=quiet, yes=yes) as (workspace, manner):
        address, applied = change(workspace, manner)
        code = code_of(applied, manner, again=f"give `mlops {command}`")
        if applied.declined:
            warn("Nothing was changed.")
            return code
        if not quiet:
            _say(address, applied, besides)
        print_deployments(deployment_shown(workspace, address), *printed)
        return code


def _say(address: "Address", applied: "Applied", besides: dict[str, str]) -> None:
    if not applied.planned.plan.steps:
        warn(f"{address} is as it is wanted already; nothing was done.")
    for option, words in besides.items():
        warn(f"{option}: {words.format(address=address)}")


def _besides(*, web: bool, gpu: bool, debug: bool, package: bool = False) -> dict[str, str]:
    """What there is to say of options of the Azure CLI that are of no account here."""
    debugger = "`mlops debug {address}` serves its scoring script under a debugger"
    told = {
        "--web": (web, _NO_STUDIO),
        "--local-enable-gpu": (gpu, _GPUS),
        "--package-model": (package, _NO_PACKAGE),
        "--vscode-debug": (debug, debugger),
    }
    return {option: words for option, (given, words) in told.items() if given}


def _of_file(
    file: Path, name: str, endpoint_name: str, sets: list[str] | None, *, skip_script: bool, literal: bool = False
) -> "Wish":
    """What a file wants, with what the options give of it."""
    from reconciler.load.overrides import parse_field  # noqa: PLC0415 - --help loads none of it
    from reconciler.wishes import Wish  # noqa: PLC0415

    return Wish(
        (str(file),),
        overrides=tuple(parse_field(word, literal=literal) for word in sets or ()),
        name=name,
        endpoint_name=endpoint_name,
        kind="deployment",
        blame=False,
        skip_scripts=skip_script,
    )


def _of_words(
    name: str, endpoint_name: str, words: dict[str, list[str]], *, literal: bool, skip_script: bool
) -> "Wish":
    """What the options change of a deployment."""
    from reconciler.imperative.amending import amendment_of  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.viewing import deployment_address  # noqa: PLC0415
    from reconciler.wishes import Wish  # noqa: PLC0415

    if not (name and endpoint_name):
        raise typer.BadParameter("say which deployment, or give a --file", param_hint="--name, --endpoint-name")
    if not any(words.values()):
        raise typer.BadParameter("say what is to change", param_hint="--set, --add, --remove, --file")
    amendment = amendment_of(deployment_address(endpoint_name, name), literal=literal, **words)
    return Wish(kind="deployment", amendments=(amendment,), blame=False, skip_scripts=skip_script)
