"""What the commands of models and of environments have in common: what they call, and what they print."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.answering import print_answer
from reconciler.cli.applying import code_of
from reconciler.cli.az_running import in_background, running
from reconciler.cli.saying import warn

if TYPE_CHECKING:
    from reconciler.imperative.asset_versions import Named, View
    from reconciler.imperative.assets import Given


def print_created(
    given: "Given", target: str | None, *, no_wait: bool, lock_timeout: float, quiet: bool, query: str, output: StrEnum
) -> int:
    """Register a version and print it; where there is one of the same content already, that is said aside."""
    from reconciler.core.plan import Action  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative import asset_versions, assets  # noqa: PLC0415

    if no_wait and in_background(quiet=quiet):
        return 0
    command = f"{given.kind} create"
    with running(command, target, lock_timeout=lock_timeout, quiet=quiet) as (workspace, manner):
        applied, address = assets.create(workspace, given, manner)
        code = code_of(applied, manner, again=f"give `mlops {command}`")
        if not applied.planned.plan.count(Action.CREATE):
            said = f"{address} has this content already; no other version was made"
        else:
            said = assets.numbers_passed_over(workspace, address)
        if said and not quiet:
            warn(said)
        print_answer(asset_versions.show(workspace.store, workspace.target.name, address), query, output)
        return code


def print_version(named: "Named", target: str | None, *, query: str, output: StrEnum) -> None:
    """Print one version."""
    from reconciler.imperative import asset_versions  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_record  # noqa: PLC0415

    with open_record(target) as (chosen, store):
        address = asset_versions.one(store, chosen, named)
        print_answer(asset_versions.show(store, chosen, address), query, output)


def print_list(kind: str, name: str, view: "View", target: str | None, *, query: str, output: StrEnum) -> None:
    """Print the versions of a name, or one row a name."""
    from reconciler.imperative import asset_versions  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_record  # noqa: PLC0415

    with open_record(target) as (chosen, store):
        print_answer(asset_versions.listed(store, chosen, kind, name, view), query, output)


def put_away(named: "Named", target: str | None, *, archived: bool, lock_timeout: float, quiet: bool) -> int:
    """Archive versions, or restore them; nothing is printed, as in Azure."""
    from reconciler.imperative import asset_changes  # noqa: PLC0415 - --help loads none of it

    command = f"{named.kind} {'archive' if archived else 'restore'}"
    with running(command, target, lock_timeout=lock_timeout, quiet=quiet) as (workspace, manner):
        return code_of(
            asset_changes.archive(workspace, named, manner, archived=archived), manner, again=f"give `mlops {command}`"
        )


def print_updated(
    named: "Named",
    words: Mapping[str, Sequence[str]],
    target: str | None,
    *,
    literal: bool,
    lock_timeout: float,
    quiet: bool,
    query: str,
    output: StrEnum,
) -> int:
    """Change a version as `words` say, `sets`, `adds` and `removes`, and print it."""
    from reconciler.imperative import asset_changes, asset_versions  # noqa: PLC0415 - --help loads none of it
    from reconciler.imperative.amending import amendment_of  # noqa: PLC0415

    command = f"{named.kind} update"
    with running(command, target, lock_timeout=lock_timeout, quiet=quiet) as (workspace, manner):
        chosen = workspace.target.name
        address = asset_versions.one(workspace.store, chosen, named)
        amendment = amendment_of(address, **words, literal=literal)
        code = code_of(asset_changes.update(workspace, amendment, manner), manner, again=f"give `mlops {command}`")
        print_answer(asset_versions.show(workspace.store, chosen, address), query, output)
        return code


def download(named: "Named", target: str | None, folder: Path, *, quiet: bool) -> None:
    """Lay a model's content down in a folder; where it lies is said aside."""
    from reconciler.imperative import asset_versions, downloading  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        address = asset_versions.one(workspace.store, workspace.target.name, named)
        laid = downloading.download(workspace, address, folder)
        if not quiet:
            warn(f"{address}: downloaded to {laid}")


def fitting(stage: str, tags: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a version is of a stage, where one is asked for, and has tags: `NAME`, or `NAME=VALUE`."""

    def fits(spec: Mapping[str, Any]) -> bool:
        had = spec.get("tags") or {}
        pairs = [tag.partition("=") for tag in tags]
        of_tags = all(name in had and (not equals or str(had[name]) == value) for name, equals, value in pairs)
        return of_tags and stage in ("", spec.get("stage"))

    return fits
