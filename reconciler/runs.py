"""A run as it is written down: who ran what, on which host, from which commit."""

import os

from reconciler.core.plan import Plan
from reconciler.load.commit import commit_facts
from reconciler.record.store import Run
from reconciler.workspace import Workspace, host, user


def begin_run(workspace: Workspace, plan: Plan, command: str) -> str:
    """Write down that a run begins, and return its id."""
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
    )
    workspace.store.begin_run(run)
    return run.id
