"""A run as it is written down: who ran what, on which host, from which commit."""

import os

from reconciler.core.inverse import Inverse
from reconciler.core.plan import Plan
from reconciler.load.commit import commit_facts
from reconciler.record.store import Origin, Run
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
    facts = commit_facts(workspace.config.root)
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
