"""A run as it is written down: who ran what, on which host, from which commit."""

import os
from collections.abc import Iterator, Mapping, Sequence

from reconciler.core.inverse import Inverse
from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.load.disk.roots import CONFIG
from reconciler.load.repository.clean import unclean
from reconciler.load.repository.commit import commit_facts, differing
from reconciler.record.store import Origin, Run
from reconciler.render.values import printable
from reconciler.workspace import Workspace, host, user

_NOTHING, _NOWHERE = Inverse(), Origin()


def begin_run(
    workspace: Workspace, plan: Plan, command: str, *, inverse: Inverse = _NOTHING, origin: Origin = _NOWHERE
) -> str:
    """Write down that a run begins, and return its id.

    Args:
        workspace: the target, locked.
        plan: what it is to do.
        command: what it is called.
        inverse: what would bring the target back; nothing for a run that changes the record alone.
        origin: what was asked for.
    """
    facts = commit_facts(workspace.config.root, origin.paths)
    run = Run(
        id=workspace.new_id(),
        command=command,
        target=workspace.target.name,
        started=workspace.now(),
        user=user(),
        host=host(),
        pid=os.getpid(),
        commit=facts.commit,
        tree=facts.tree,
        branch=facts.branch,
        author=facts.author,
        dirty=facts.dirty,
        plan_digest=plan.digest,
        steps=len(plan.steps),
        origin=origin,
    )
    workspace.store.begin_run(run, inverse)
    return run.id


def dirt_of(workspace: Workspace, paths: Sequence[str], environ: Mapping[str, str]) -> Iterator[Problem]:
    """In CI, a warning for every file that is about to be applied and differs from the commit."""
    contents = (str(content.location) for content in workspace.contents.values())
    return differing(workspace.config.root, [*paths, *contents], environ)


def in_no_commit(workspace: Workspace, paths: Sequence[str], given: Sequence[str]) -> Iterator[str]:
    """Why a run is not what a commit says: what it takes from elsewhere, by name.

    Args:
        workspace: the target, with all loaded that is about to be applied.
        paths: what was loaded.
        given: what the command line gives.
    """
    found = tuple(_from_elsewhere(workspace, paths, given))
    if found:
        yield "E-UNCLEAN: not all of this is in a commit, as --require-clean or the target wants; commit it first:"
        yield from (f"  {printable(each)}" for each in found)


def _from_elsewhere(workspace: Workspace, paths: Sequence[str], given: Sequence[str]) -> Iterator[str]:
    if given:
        yield f"{', '.join(given)}: what the command line gives is in no commit; write it into the files"
    config = workspace.config
    files = [*workspace.files, *([str(config.root / CONFIG)] if config.file else [])]
    yield from unclean(config.root, files=files, contents=workspace.contents.values(), paths=paths)
