"""Which manifests define the resources of a target, for a report that points there."""

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest
from reconciler.core.state import State
from reconciler.errors import ManifestError
from reconciler.load import Options, load_all
from reconciler.load.disk.roots import git_root
from reconciler.load.settings.config import read_config
from reconciler.resolve import resolve


def manifests_of(target: str) -> Mapping[Address, Manifest]:
    """The manifest of each resource; none where the files cannot be read."""
    config = read_config(Path.cwd())
    named = config.target(target)
    options = Options(variables=named.variables, overrides=named.overrides, policies=named.policy_fields)
    try:
        loaded = load_all((os.path.relpath(config.root / config.manifests),), options)
    except ManifestError:
        return {}
    resolved = resolve(loaded.manifests, State(), secret_key=b"", linked=False)
    return {resource.address: resource.manifest for resource in resolved.resources}


def below_root() -> str:
    """The current folder as it is below the root of the repository; empty there, and outside git."""
    here = str(Path.cwd())
    root = git_root(here)
    return os.path.relpath(here, root).replace(os.sep, "/") if root and root != here else ""
