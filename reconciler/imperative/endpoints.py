"""What the commands of `online-endpoint` change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler import pipeline
from reconciler.core.amendment import Amendment, Spelled
from reconciler.errors import MlopsError
from reconciler.kinds.marks import KEYLESS, asks_for_keys
from reconciler.load import Override
from reconciler.wanted import loaded_of
from reconciler.wishes import Applied, Manner, Wish
from reconciler.workspace import Workspace

Shares = Mapping[str, Mapping[str, str] | None]
"""`traffic` and `mirror_traffic` by deployment, each the whole of it; None where it stays as it is."""


def create(
    workspace: Workspace,
    name: str,
    manner: Manner,
    *,
    file: str = "",
    overrides: Sequence[Override] = (),
    existing: bool = False,
    keyless: bool = False,
) -> tuple[str, Applied]:
    """Make an endpoint, or bring one that is there to what is wanted; its traffic stays as it is.

    Args:
        workspace: the target.
        name: of the endpoint; empty where the file tells it.
        manner: how to go about it.
        file: what the endpoint is to be; empty where the overrides say it.
        overrides: fields that the command line gives.
        existing: whether it must be there already.
        keyless: whether it asks for no key, if this makes it; one that is to ask for tokens does that.

    Returns:
        The endpoint's name, and what was done.

    Raises:
        MlopsError: it is not there, and must be.
    """
    spelled = () if file else (Spelled("endpoint", {"name": _given(name)}, {"name": "--name"}),)
    paths = (file,) if file else ()
    wish = Wish(
        paths,
        overrides=tuple(overrides),
        name=name,
        kind="endpoint",
        spelled=spelled,
        existing=existing,
        blame=False,
    )
    if keyless and all(asks_for_keys(each.document) for each in loaded_of(workspace, wish).manifests):
        wish = replace(wish, marks={KEYLESS: True})
    applied = pipeline.apply(workspace, wish, manner)
    return name or _told(workspace), applied


def update_by_file(
    workspace: Workspace, name: str, manner: Manner, *, file: str, overrides: Sequence[Override], shares: Shares
) -> tuple[str, Applied]:
    """Bring an endpoint that is there to what a file says, as `create` does.

    Raises:
        MlopsError: it is not there.
    """
    routed = tuple(Override("", field, each, _option(field)) for field, each in _routed(shares))
    return create(workspace, name, manner, file=file, overrides=(*overrides, *routed), existing=True)


def update(workspace: Workspace, manner: Manner, amendment: Amendment, shares: Shares) -> Applied:
    """Change an endpoint that is there; what is recorded stays, but for what is said.

    Raises:
        MlopsError: it is not there.
    """
    values = (*_routed(shares), *amendment.values)
    changed = replace(amendment, values=values, options={field: _option(field) for field in shares})
    wish = Wish(kind="endpoint", amendments=(changed,), blame=False)
    return pipeline.apply(workspace, wish, manner)


def _routed(shares: Shares) -> list[tuple[str, dict[str, str]]]:
    """The shares as Azure's tools send them: names in small letters, and none of 0."""
    return [
        (field, {name.lower(): share for name, share in each.items() if share.strip() != "0"})
        for field, each in shares.items()
        if each is not None
    ]


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


def _given(name: str) -> str:
    if not name:
        raise MlopsError("say which endpoint: --name, or --file with one that has a name")
    return name


def _told(workspace: Workspace) -> str:
    """The name that the file gives."""
    return next(str(each.document["name"]) for each in workspace.manifests if each.kind == "endpoint")
