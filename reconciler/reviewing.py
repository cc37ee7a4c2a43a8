"""A plan that is reviewed before it is applied: what a file keeps of what was asked for, and how that comes back."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.plan import Plan
from reconciler.errors import StalePlanError
from reconciler.record.sealing import seal_keys
from reconciler.saved import SavedPlan, plan_of_digest, read_plan, save_plan
from reconciler.wishes import Wish


def save(file: Path, plan: Plan, wish: Wish, root: Path) -> None:
    """Save a plan with the options that it was made with, sealed where there is a key."""
    save_plan(file, plan, _kept_of(wish, plan.target, root), keys=seal_keys(os.environ))


def _kept_of(wish: Wish, target: str, root: Path) -> dict[str, object]:
    """The options that a saved plan was made with; values that may be secret are left out.

    Paths count from the repository's root, so that the plan can be applied from any of its folders.
    """
    return {
        "paths": [os.path.relpath(path, root) if Path(path).exists() else path for path in wish.paths],
        "target": target,
        "name": wish.name,
        "endpoint_name": wish.endpoint_name,
        "only": [str(address) for address in wish.only],
        "refresh": wish.refresh,
        "minimal": wish.minimal,
        "max_delete": wish.max_delete,
        "allow_empty": wish.allow_empty,
        "variables": sorted(wish.variables),
        "overrides": [f"{override.address}.{override.path}" for override in wish.overrides],
    }


def plan_reviewed(file: Path | None, digest: str) -> SavedPlan | None:
    """The plan that alone may be applied: of a file, of a digest, or of both, which must agree; None for any.

    Raises:
        StalePlanError: the file holds another plan than that of the digest.
    """
    shown = plan_of_digest(digest) if digest else None
    saved = read_plan(file, keys=seal_keys(os.environ)) if file else None
    if saved and shown and saved.digest != shown.digest:
        raise StalePlanError(
            f"stale plan: {file} holds the plan {saved.digest}, and not {digest}; review what it holds"
        )
    return saved or shown


def as_saved(wish: Wish, kept: Mapping[str, Any], root: Path) -> Wish:
    """The wish of a saved plan, with the values that it could not keep taken from whoever asks now."""
    return replace(
        wish,
        paths=wish.paths or tuple(_from_here(path, root) for path in kept["paths"]),
        name=wish.name or kept["name"],
        endpoint_name=wish.endpoint_name or kept["endpoint_name"],
        only=wish.only or tuple(map(Address.parse, kept["only"])),
        refresh=kept["refresh"],
        minimal=kept.get("minimal", False),
        max_delete=kept["max_delete"] if wish.max_delete is None else wish.max_delete,
        allow_empty=wish.allow_empty or kept["allow_empty"],
    )


def _from_here(path: str, root: Path) -> str:
    return os.path.normpath(root / path) if (root / path).exists() else path
