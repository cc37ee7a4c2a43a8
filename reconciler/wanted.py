"""What the files want of a target, as resources, and what is wrong with them."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from reconciler.attending import unfollowed
from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource
from reconciler.core.problem import Problem
from reconciler.core.state import Entry, State
from reconciler.core.words import nearest
from reconciler.errors import ManifestError, MlopsError
from reconciler.kinds.references import made_by
from reconciler.load import Loaded, at_revision, load_all, with_secrets
from reconciler.load.amended import amended, spelled_out
from reconciler.load.governed import governed
from reconciler.load.settings.config import Target
from reconciler.preflight import problems_of
from reconciler.providers.provider import Provider
from reconciler.resolve import Command, Resolved, resolve
from reconciler.telemetry import span
from reconciler.wishes import Wish, cache_of, options_of, paths_of
from reconciler.workspace import Workspace

_NO_FILES = Loaded((), (), (), "", alone=True)


def wanted(
    workspace: Workspace, wish: Wish, loaded: Loaded, state: State, besides: Iterable[Problem]
) -> tuple[Resolved, tuple[Problem, ...]]:
    """What the files say, and warnings; what is wanted in their place was checked when it was first applied."""
    if wish.resources is not None:
        return Resolved(wish.resources, (), {}), accepted(besides)
    whole = not loaded.alone
    loaded = _with_amended(workspace, wish, loaded, state)
    if wish.skip_scripts:
        loaded = replace(loaded, manifests=tuple(replace(each, scripts={}) for each in loaded.manifests))
    resolved = resolve(
        loaded.manifests,
        state,
        secret_key=workspace.store.secret_key(),
        whole=whole,
        blind=bool(wish.against) or (workspace.offline and not state.lineage),
        command=Command(wish.marks, lambda each: workspace.store.generation(each) > 0) if wish.kind else None,
    )
    if wish.existing:
        _refuse_new(workspace, wish, resolved, state)
    return resolved, accepted([*_problems(workspace, loaded, resolved, state, whole=whole), *besides])


def _with_amended(workspace: Workspace, wish: Wish, loaded: Loaded, state: State) -> Loaded:
    """What is loaded, and recorded resources with what a command changes of them.

    They are taken from the record under the lock of the run, so that two commands at once lose nothing of each other.

    Raises:
        MlopsError: there is no such resource.
    """
    if not wish.amendments:
        return loaded
    made = []
    for amendment in wish.amendments:
        entry = state.entries.get(amendment.address)
        if entry is None or not entry.spec:
            absent = _not_there(amendment.address, state, workspace)
            raise MlopsError(f"{absent}; make it first: {made_by(amendment.address)}")
        made.append(amended(amendment.address, entry.spec, amendment, stored=workspace.stored))
    more = _with_values(_joined(_NO_FILES, made, workspace.target))
    return _known(
        workspace,
        replace(loaded, manifests=(*loaded.manifests, *more.manifests), problems=(*loaded.problems, *more.problems)),
    )


def _refuse_new(workspace: Workspace, wish: Wish, resolved: Resolved, state: State) -> None:
    """Refuse to make what a command is to change.

    Raises:
        MlopsError: it is not there.
    """
    for resource in resolved.resources:
        if resource.address.kind == wish.kind and resource.address not in state.entries:
            absent = _not_there(resource.address, state, workspace)
            raise MlopsError(f"{absent}; make it first: {made_by(resource.address)}")


def defined(workspace: Workspace, wish: Wish, state: State) -> set[Address]:
    """The addresses that the files define, whatever else is wrong with them."""
    loaded = loaded_of(workspace, wish)
    resolved = resolve(loaded.manifests, state, secret_key=workspace.store.secret_key(), linked=False)
    return {resource.address for resource in resolved.resources}


def named(workspace: Workspace, addresses: Sequence[Address], state: State) -> set[Address]:
    """Recorded addresses, and what hangs on them.

    Raises:
        MlopsError: one of them is not recorded.
    """
    for address in addresses:
        if address not in state.entries:
            raise MlopsError(_not_there(address, state, workspace))
    return {*addresses, *(each for each in state.entries if each.parent in addresses)}


def _not_there(address: Address, state: State, workspace: Workspace) -> str:
    near = nearest(str(address), map(str, state.entries))
    hint = f"; did you mean {near}?" if near else ""
    return f"{address} is not there (target {workspace.target.name}{hint})"


def loaded_of(
    workspace: Workspace,
    wish: Wish,
    *,
    only: frozenset[str] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Loaded:
    """What files and a command say; the workspace knows from then on where the content lies that they point at.

    Args:
        workspace: the target.
        wish: what is asked for.
        only: the files of its folder that are meant, by their names below it; None for all that there are.
        meanwhile: what else there is to do, done here while other processes read many files, if any does.
    """
    if wish.resources is not None:
        return Loaded((), (), (), "")
    if wish.read is not None:
        return _known(workspace, wish.read)
    options = options_of(workspace.target, wish, cache=cache_of(workspace, wish), start=workspace.start)
    options = replace(options, only=only)
    paths = paths_of(workspace.config, wish)
    if wish.kind and any(map(os.path.isdir, paths)):  # before it is walked: it may be all of a disk
        raise MlopsError(_folder(wish))
    with span("load"):
        loaded = load_all(paths, options, meanwhile) if paths else _NO_FILES
    if wish.kind:
        _refuse_more_than_one(wish, loaded)
    if wish.spelled:
        loaded = _joined(loaded, [spelled_out(each, wish.overrides) for each in wish.spelled], workspace.target)
    if not wish.against:  # references of both sides are compared as they are written
        loaded = _with_values(loaded)
    return _known(workspace, loaded)


def _refuse_more_than_one(wish: Wish, loaded: Loaded) -> None:
    """Refuse a folder, which would be everything that is wanted, and a file of several resources.

    Raises:
        MlopsError: the command takes one.
    """
    if not loaded.alone:
        raise MlopsError(_folder(wish))
    if len(loaded.manifests) > 1:
        held = len(loaded.manifests)
        raise MlopsError(f"{wish.paths[0]} holds {held} resources, and the command takes one; `mlops apply` takes all")


def _folder(wish: Wish) -> str:
    return f"{wish.paths[0]} is a folder, and the command takes the file of one {wish.kind}"


def _joined(loaded: Loaded, made: Sequence[tuple[Manifest, list[Problem]]], target: Target) -> Loaded:
    """What is loaded, and manifests that come from a command."""
    manifests, wrong = governed([manifest for manifest, _ in made], target.policy_fields, whole=False)
    problems = [problem for _, found in made for problem in found]
    return replace(loaded, manifests=(*loaded.manifests, *manifests), problems=(*loaded.problems, *problems, *wrong))


def _with_values(loaded: Loaded) -> Loaded:
    """What is loaded, with the values of the secrets that it names."""
    asked = set[str]()
    manifests, unresolved = with_secrets(loaded.manifests, os.environ, asked)
    problems = (*loaded.problems, *unresolved)
    return replace(loaded, manifests=manifests, problems=problems, secrets=loaded.secrets | asked)


def _known(workspace: Workspace, loaded: Loaded) -> Loaded:
    """Have the workspace know where what is loaded lies; of content that is recorded alone its store knows that."""
    workspace.files.update(loaded.files)
    workspace.manifests[:] = loaded.manifests
    workspace.plain.update(loaded.plain)
    for manifest in loaded.manifests:
        workspace.contents.update({each.digest: each for each in manifest.contents.values() if each.location.name})
    return loaded


def take_for_recorded(workspace: Workspace, wish: Wish) -> None:
    """Take what the files say at a revision, `mlops.yaml` among them, for what is recorded; but not what is wrong."""
    target, paths = at_revision(wish.against, workspace.config, workspace.target, wish.paths, cached=wish.cached)
    loaded = load_all(paths, options_of(target, wish, cache=cache_of(workspace, wish), start=workspace.start))
    resolved = resolve(loaded.manifests, State(), secret_key=workspace.store.secret_key())
    with workspace.store.lock({}, timeout_s=0):
        for resource in resolved.resources:
            workspace.store.note(resource.address, Entry(resource.spec, labels=resource.labels))


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
    """The warnings, if there is no error; a warning in a check of a file alone may be an error in a plan.

    Raises:
        ManifestError: there is one; it carries the warnings, too.
    """
    found = tuple(sorted(set(problems)))
    errors = [problem for problem in found if problem.is_error or problem.code == "W-PLACEHOLDER"]
    if errors:
        raise ManifestError(found)
    return found


def refuse_unknown(only: Sequence[Address], resolved: Resolved, state: State) -> None:
    """Refuse an address that is neither wanted nor recorded: a plan of nothing would look as if all were well."""
    if not only:
        return
    known = {str(address) for address in (*state.entries, *(r.address for r in resolved.resources))}
    for address in only:
        if str(address) not in known:
            near = nearest(str(address), known)
            advice = f"did you mean {near}?" if near else "`mlops plan` without --only shows what there is"
            raise MlopsError(f"--only {address}: it is neither defined nor recorded; {advice}")
