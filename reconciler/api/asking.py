"""The arguments of the Python API become what the pipeline takes, as the words of the command line do."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from reconciler.api.wording import worded
from reconciler.apply import Pace, Watcher
from reconciler.core.address import Address
from reconciler.core.plan import Outcome, Step
from reconciler.errors import ManifestError, MlopsError
from reconciler.load import Override
from reconciler.load.overrides import parse_set
from reconciler.wishes import Manner, Planned, Wish
from reconciler.workspace import Workspace, open_workspace

PathLike = str | os.PathLike[str]
"""A path, or for what is read from git `REV:PATH`."""

Names = str | Address | Iterable[str | Address]
"""Addresses, such as `deployment/credit/blue`; one may stand by itself."""


def folder_of(cwd: PathLike | None) -> Path:
    """The folder that everything counts from, absolute, so that it stays the same when the current one changes.

    Raises:
        MlopsError: it is no folder.
    """
    found = Path(cwd or ".").absolute()
    if not found.is_dir():
        raise MlopsError(f"{found} is no folder")
    return found


@contextmanager
def opened(
    target: str | None, start: Path, *, offline: bool = False, blank: bool = False, cached: bool = True
) -> Iterator[Workspace]:
    """Open a target, as `open_workspace` does; what is wrong is told in words of Python.

    Raises:
        TypeError: the target's name is no text.
    """
    if not isinstance(target, (str, type(None))):
        raise TypeError(f"target is the name of one, not {type(target).__name__}")
    with worded(), open_workspace(target, start=start, offline=offline, blank=blank, cached=cached) as workspace:
        yield workspace


def wish_of(
    paths: Iterable[PathLike],
    start: Path,
    *,
    variables: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    only: Names = (),
    name: str = "",
    endpoint_name: str = "",
    refresh: bool = True,
    minimal_refresh: bool = False,
    max_delete: int | None = None,
    allow_empty: bool = False,
    policies: PathLike = "",
    against: str = "",
    blame: bool = True,
    require_clean: bool = False,
    cache: bool = True,
    git: bool = True,
) -> Wish:
    """What is asked for; `start` is the folder that paths count from.

    Raises:
        MlopsError: an address or the name of a field is none, or a number cannot be kept to.
    """
    if max_delete is not None and max_delete < 0:
        raise MlopsError("max_delete is at least 0")
    if minimal_refresh and not refresh:
        raise MlopsError("nothing of the live side is read, and minimal_refresh=True reads a part of it")
    return Wish(
        paths=tuple(_found(path, start) for path in paths),
        variables=dict(variables or {}),
        overrides=overrides_of(overrides),
        name=name,
        endpoint_name=endpoint_name,
        only=tuple(map(address_of, (only,) if isinstance(only, (str, Address)) else only)),
        refresh=refresh,
        minimal=minimal_refresh,
        max_delete=max_delete,
        allow_empty=allow_empty,
        policies=_found(policies, start) if policies else "",
        against=against,
        blame=blame,
        require_clean=require_clean,
        cached=cache,
        git=git,
    )


def overrides_of(given: Mapping[str, Any] | None) -> tuple[Override, ...]:
    """Read every `ADDRESS.FIELD`; its value is taken as it is.

    Raises:
        MlopsError: one has another form.
    """
    return tuple(replace(_override(name), value=value) for name, value in (given or {}).items())


def _override(name: str) -> Override:
    try:
        return parse_set(f"{name}=")
    except ManifestError as error:
        example = "deployment/credit/blue.instance_count"
        raise MlopsError(f"overrides: {name!r} is not ADDRESS.FIELD; write for example {example}") from error


def address_of(given: str | Address) -> Address:
    """Read one address.

    Raises:
        MlopsError: it is none.
        TypeError: it is no text either.
    """
    if isinstance(given, Address):
        return given
    if not isinstance(given, str):
        raise TypeError(f"an address is text, such as deployment/credit/blue, not {type(given).__name__}")
    try:
        return Address.parse(given)
    except ValueError as error:
        raise MlopsError(str(error)) from error


def manner_of(
    *,
    lock_timeout: float,
    confirm: Callable[[Planned], bool] | None = None,
    parallel: int = 4,
    step_timeout: float = 3600,
    stop: threading.Event | None = None,
    on_start: Callable[[Step], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Manner:
    """How an apply goes about it.

    Raises:
        MlopsError: a number is none that can be kept to.
    """
    if parallel < 1 or not (0 <= lock_timeout < inf and 0 < step_timeout < inf):
        raise MlopsError("parallel is at least 1, lock_timeout at least 0 s, step_timeout more than 0 s")
    silent = Watcher()
    watcher = Watcher(on_start or silent.on_start, silent.on_report, on_outcome or silent.on_outcome)
    return Manner(
        confirm or (lambda _planned: True),
        parallel,
        lock_timeout,
        stop or threading.Event(),
        lambda _plan: watcher,
        Pace(step_timeout),
    )


def _found(path: PathLike, start: Path) -> str:
    """A path from the folder that it counts from; what is not there and has a colon is REV:PATH."""
    text = os.fspath(path)
    found = start / text
    return text if ":" in text and not found.exists() else os.path.normpath(found)
