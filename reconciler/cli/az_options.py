"""Options that the commands of `az ml` share, each said once, under the names that they have there."""

import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli import options as o


class AzOutput(StrEnum):
    """How an answer is printed."""

    JSON = "json"
    JSONC = "jsonc"
    YAML = "yaml"
    YAMLC = "yamlc"
    TABLE = "table"
    TSV = "tsv"
    NONE = "none"


def _query(text: str) -> str:
    """A query that can be asked: one that cannot is refused before anything is done."""
    if not text:
        return text
    from reconciler.render.answers import checked  # noqa: PLC0415 - only a query needs it

    return checked(text)


Target = Annotated[
    str | None,
    typer.Option(
        "--target", envvar="MLOPS_TARGET", help="Target of mlops.yaml; by default the default one.", show_envvar=True
    ),
]
Local = Annotated[bool, typer.Option("--local", help="The local target, whichever is the default.")]
EndpointName = Annotated[str, typer.Option("--name", "-n", help="Name of the endpoint.")]
OfEndpoint = Annotated[str, typer.Option("--endpoint-name", "-e", help="Name of the endpoint.")]
DeploymentName = Annotated[str, typer.Option("--name", "-n", help="Name of the deployment.")]
File = Annotated[Path | None, typer.Option("--file", "-f", help="YAML file of the resource, as `az ml` takes it.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE...", help="Give a field another value; may be given several times."),
]
Add = Annotated[
    list[str] | None,
    typer.Option("--add", metavar="LIST VALUE...", help="Add to a list: a value, or an object of NAME=VALUE pairs."),
]
Remove = Annotated[
    list[str] | None,
    typer.Option("--remove", metavar="FIELD...", help="Take a field away, such as tags.team; or LIST 0, an item."),
]
ForceString = Annotated[bool, typer.Option("--force-string", help="Values of --set and --add are text as they stand.")]
Web = Annotated[bool, typer.Option("--web", help="Opens nothing: there is no studio to show it in.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait; `show` tells how far it is.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Query = Annotated[
    str,
    typer.Option("--query", metavar="JMESPATH", callback=_query, help="The part of the answer to print."),
]
Output = Annotated[AzOutput, typer.Option("--output", "-o", case_sensitive=False, help="How to print it.")]
OnlyErrors = Annotated[bool, typer.Option("--only-show-errors", help="Say nothing but errors.")]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout",
        metavar="SECONDS",
        min=0,
        callback=o.finite,
        help="How long to wait for another run of the target to end.",
    ),
]
PATIENCE_S = 600.0
"""How long a command waits for another one: on Azure two operations on different endpoints do not meet at all."""


def target_of(target: str | None, *, local: bool) -> str | None:
    """The target that is meant; with `--local` the default one if it is local, else the first that is.

    Raises:
        MlopsError: no target is local.
        ManifestError: `mlops.yaml` is wrong.
    """
    if not local:
        return target
    from reconciler.errors import MlopsError  # noqa: PLC0415 - --help loads none of it
    from reconciler.load.settings.config import read_config  # noqa: PLC0415

    targets = read_config(Path.cwd()).targets.values()
    local_ones = [each for each in targets if each.provider == "local"]
    if not local_ones:
        raise MlopsError("--local: no target of mlops.yaml has provider: local; add one")
    return next((each.name for each in local_ones if each.default), local_ones[0].name)


def refuse_both(file: Path | None, additions: Sequence[str] | None, removals: Sequence[str] | None) -> None:
    """Refuse to add to a file, or take from it, what it can say itself.

    Raises:
        BadParameter: both are given.
    """
    if file and (additions or removals):
        message = "they change what is recorded; with --file write it there"
        raise typer.BadParameter(message, param_hint="--add, --remove")


def pairs_of(words: Sequence[str] | None, option: str) -> Mapping[str, str] | None:
    """Read `NAME=VALUE` pairs, several of which may be one word: "blue=90 green=10"; None where nothing is given."""
    if words is None:
        return None
    pairs = [pair.partition("=") for word in words for pair in shlex.split(word)]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise typer.BadParameter(f"write NAME=VALUE, not {name!r}", param_hint=option)
    return {name: value for name, _, value in pairs}
