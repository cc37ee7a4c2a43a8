"""What the files want of a target, as resources, and what is wrong with them."""

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.attending import unfollowed
from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.problem import Problem
from reconciler.core.state import Entry, State
from reconciler.errors import ManifestError, MlopsError
from reconciler.load import Loaded, Options, at_revision, load_all, with_secrets
from reconciler.load.config import Config, Target
from reconciler.preflight import problems_of
from reconciler.providers.provider import Provider
from reconciler.resolve import Resolved, resolve
from reconciler.telemetry import span
from reconciler.wishes import Wish
from reconciler.workspace import Workspace


def wanted(
    workspace: Workspace, wish: Wish, loaded: Loaded, state: State, besides: Iterable[Problem]
) -> tuple[Resolved, tuple[Problem, ...]]:
    """What the files say, and warnings; what is wanted in their place was checked when it was first applied."""
    if wish.resources is not None:
        return Resolved(wish.resources, (), {}), accepted(besides)
    whole = not loaded.alone
    resolved = resolve(loaded.manifests, state, secret_key=workspace.store.secret_key(), whole=whole)
    return resolved, accepted([*_problems(workspace, loaded, resolved, state, whole=whole), *besides])


def defined(workspace: Workspace, wish: Wish, state: State) -> set[Address]:
    """The addresses that the files define, whatever else is wrong with them."""
    loaded = loaded_of(workspace, wish)
    resolved = resolve(loaded.manifests, state, secret_key=workspace.store.secret_key(), linked=False)
    return {resource.address for resource in resolved.resources}


def loaded_of(workspace: Workspace, wish: Wish) -> Loaded:
    """What the files say; the workspace knows from then on where the content lies that they point at."""
    if wish.resources is not None:
        return Loaded((), (), (), "")
    options = options_of(workspace.target, wish, cache=workspace.cache)
    with span("load"):
        loaded = load_all(paths_of(workspace.config, wish), options)
    if not wish.against:  # references of both sides are compared as they are written
        manifests, unresolved = with_secrets(loaded.manifests, os.environ)
        loaded = replace(loaded, manifests=manifests, problems=(*loaded.problems, *unresolved))
    workspace.files.update(loaded.files)
    workspace.manifests[:] = loaded.manifests
    for manifest in loaded.manifests:
        workspace.contents.update({content.digest: content for content in manifest.contents.values()})
    return loaded


def take_for_recorded(workspace: Workspace, wish: Wish) -> None:
    """Take what the files say at a revision, `mlops.yaml` among them, for what is recorded; but not what is wrong."""
    target, paths = at_revision(wish.against, workspace.config, workspace.target, wish.paths)
    loaded = load_all(paths, options_of(target, wish))
    resolved = resolve(loaded.manifests, State(), secret_key=workspace.store.secret_key())
    with workspace.store.lock({}, timeout_s=0):
        for resource in resolved.resources:
            workspace.store.note(resource.address, Entry(resource.spec, labels=resource.labels))


def options_of(target: Target, wish: Wish, *, cache: Path | None = None) -> Options:
    """The target's variables and overrides, under those of the command line."""
    return Options(
        variables={**target.variables, **wish.variables},
        overrides=(*target.overrides, *wish.overrides),
        policies=target.policy_fields,
        name=wish.name,
        endpoint_name=wish.endpoint_name,
        cache=cache,
    )


def paths_of(config: Config, wish: Wish) -> tuple[str, ...]:
    """What was asked for, else the folder that `mlops.yaml` names."""
    return wish.paths or (os.path.relpath(config.root / config.manifests),)


def _problems(workspace: Workspace, loaded: Loaded, resolved: Resolved, state: State, *, whole: bool) -> list[Problem]:
    broken = [manifest for manifest in loaded.manifests if not manifest.valid]
    elsewhere, going = ((), state.entries) if whole else (state.entries, ())
    return [
        *loaded.problems,
        *resolved.problems,
        *problems_of(resolved.resources, broken, elsewhere, going=going, pinned=workspace.target.pinned),
        *(() if workspace.offline else _objections(workspace.provider, resolved.resources)),
    ]


def _objections(provider: Provider, resources: Sequence[Resource]) -> list[Problem]:
    """What the target's provider says against the resources."""
    return [*provider.objections(resources), *unfollowed(provider, resources)]


def accepted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The warnings, if there is no error; a warning in a check of a file alone may be an error in a plan."""
    found = tuple(sorted(set(problems)))
    errors = [problem for problem in found if problem.is_error or problem.code == "W-PLACEHOLDER"]
    if errors:
        raise ManifestError(found)
    return found


def refuse_unknown(only: Sequence[Address], resolved: Resolved, state: State) -> None:
    """Refuse an address that is neither wanted nor recorded: a plan of nothing would look as if all were well."""
    known = sorted({str(address) for address in (*state.entries, *(r.address for r in resolved.resources))})
    for address in only:
        if str(address) not in known:
            near = difflib.get_close_matches(str(address), known, n=1)
            advice = f"did you mean {near[0]}?" if near else "`mlops plan` without --only shows what there is"
            raise MlopsError(f"--only {address}: it is neither defined nor recorded; {advice}")
