"""What changes a target, in Python: apply, destroy, rollback."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal

from reconciler import pipeline
from reconciler.api.asking import Names, PathLike, folder_of, manner_of, opened, wish_of
from reconciler.api.plans import Applied, Plan, ended
from reconciler.core.plan import Outcome, Step
from reconciler.errors import MlopsError
from reconciler.reviewing import as_saved, plan_reviewed
from reconciler.rollback import Back, Way
from reconciler.rollback import rollback as roll_back


def apply(
    *paths: PathLike,
    target: str | None = None,
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
    require_clean: bool = False,
    cache: bool = True,
    git: bool = True,
    saved: PathLike | None = None,
    digest: str = "",
    confirm: Callable[[Plan], bool] | None = None,
    parallel: int = 4,
    lock_timeout: float = 0,
    step_timeout: float = 3600,
    stop: threading.Event | None = None,
    on_start: Callable[[Step], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    check: bool = True,
    cwd: PathLike | None = None,
) -> Applied:
    """Plan and apply in one, under the target's lock; nobody is asked.

        >>> def told(outcome):
        ...     print(outcome.step.action, outcome.step.address, outcome.result)
        >>> applied = reconciler.apply("manifests", target="dev", on_outcome=told)
        create endpoint/credit succeeded
        create deployment/credit/blue succeeded
        route endpoint/credit succeeded
        >>> print(applied)
        Apply: 3 succeeded.
        >>> reconciler.apply("manifests", target="dev").plan.has_changes
        False

    Args:
        paths: as `reconciler.plan` has them, and so all else up to `policies`.
        target: its name in mlops.yaml; by default the default one.
        variables: what replaces `{{NAME}}` in the files.
        overrides: other values of fields, by `ADDRESS.FIELD`.
        only: addresses to which the plan is confined, with what they need.
        name: of the resource of a single file, whatever that says.
        endpoint_name: of the deployment of a single file, whatever that says.
        refresh: whether the live side is looked at first.
        minimal_refresh: whether of the live side no more is looked at than what the plan touches.
        max_delete: how many deletions there may be; by default the larger of 5 and 20 %.
        allow_empty: whether the files may define nothing at all.
        policies: a folder or `REV:PATH` that policies over plans are taken from, in place of the checkout's own.
        require_clean: whether what is in no commit is refused.
        cache: whether what is known from earlier runs is used, and what is learnt is kept for later ones.
        git: whether git is asked in a large checkout which files changed, and not the disk of each.
        saved: a file with the plan that alone may be done, as `Plan.save` or `mlops plan --out` writes it; it has its
            own options, but for the values of variables and overrides.
        digest: of the plan that alone may be done, as `Plan.digest` told it elsewhere.
        confirm: asked with the plan before anything is done, while the lock is held; False leaves everything as it is.
        parallel: how many steps run at once at the most.
        lock_timeout: how long to wait for another run of the target to end, in seconds.
        step_timeout: how long a step may take before it is left behind, in seconds.
        stop: once set, by whatever thread, steps that run are finished and recorded, and no other is begun.
        on_start: told of each step that begins, in the calling thread.
        on_outcome: told how each step ended, once that is recorded, in the calling thread.
        check: whether a step that did not succeed is raised; else `Applied.succeeded` tells.
        cwd: a folder of the repository, from which paths count; by default the current one.

    Raises:
        ManifestError: the files are wrong; its `problems` are those of all files.
        RefusedError: a guard, the quota or a policy forbids the plan.
        StalePlanError: the plan is another one than that of `saved` or `digest`.
        LockHeldError: another run holds the target.
        StepFailedError: a step failed; what was done is recorded.
        InterruptedRunError: it was stopped before its end; what was done is recorded.
        MlopsError: any other, such as of the record or the platform.
    """
    start = folder_of(cwd)
    wish = wish_of(
        paths,
        start,
        variables=variables,
        overrides=overrides,
        only=only,
        name=name,
        endpoint_name=endpoint_name,
        refresh=refresh,
        minimal_refresh=minimal_refresh,
        max_delete=max_delete,
        allow_empty=allow_empty,
        policies=policies,
        require_clean=require_clean,
        cache=cache,
        git=git,
        blame=confirm is not None,
    )
    manner = manner_of(
        confirm=confirm and (lambda planned: confirm(Plan(planned, wish, start))),
        parallel=parallel,
        lock_timeout=lock_timeout,
        step_timeout=step_timeout,
        stop=stop,
        on_start=on_start,
        on_outcome=on_outcome,
    )
    reviewed = plan_reviewed(start / saved if saved else None, digest)
    kept = reviewed.wish if reviewed else {}
    with opened(target or kept.get("target"), start, cached=cache) as workspace:
        if kept:
            wish = as_saved(wish, kept, workspace.config.root)
        done = pipeline.apply(workspace, wish, manner, saved=reviewed)
    return ended(done, Plan(done.planned, wish, start), check=check, stopped=manner.stop.is_set())


def destroy(
    *paths: PathLike,
    target: str | None = None,
    only: Names = (),
    policies: PathLike = "",
    confirm: Callable[[Plan], bool] | None = None,
    parallel: int = 4,
    lock_timeout: float = 0,
    step_timeout: float = 3600,
    stop: threading.Event | None = None,
    on_start: Callable[[Step], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    check: bool = True,
    cwd: PathLike | None = None,
) -> Applied:
    """Delete what files define, or addresses name, or without either all that is recorded; traffic goes first.

        >>> applied = reconciler.apply("manifests", target="dev")
        >>> for outcome in reconciler.destroy(target="dev").outcomes:
        ...     print(outcome.step.action, outcome.step.address)
        route endpoint/credit
        delete deployment/credit/blue
        delete endpoint/credit

    Args:
        paths: folders, files or `REV:PATH`, which stay.
        target: its name in mlops.yaml; by default the default one.
        only: addresses; an endpoint goes with its deployments.
        policies: a folder or `REV:PATH` that policies over plans are taken from, in place of the checkout's own.
        confirm: asked with the plan before anything is done, while the lock is held; False leaves everything as it is.
        parallel: how many steps run at once at the most.
        lock_timeout: how long to wait for another run of the target to end, in seconds.
        step_timeout: how long a step may take before it is left behind, in seconds.
        stop: once set, by whatever thread, steps that run are finished and recorded, and no other is begun.
        on_start: told of each step that begins, in the calling thread.
        on_outcome: told how each step ended, once that is recorded, in the calling thread.
        check: whether a step that did not succeed is raised; else `Applied.succeeded` tells.
        cwd: a folder of the repository, from which paths count; by default the current one.

    Raises:
        RefusedError: something is protected, or a policy forbids it.
        LockHeldError: another run holds the target.
        StepFailedError: a step failed; what was done is recorded.
        InterruptedRunError: it was stopped before its end; what was done is recorded.
        MlopsError: any other, such as of the record or the platform.
    """
    start = folder_of(cwd)
    wish = wish_of(paths, start, only=only, policies=policies)
    manner = manner_of(
        confirm=confirm and (lambda planned: confirm(Plan(planned, wish, start))),
        parallel=parallel,
        lock_timeout=lock_timeout,
        step_timeout=step_timeout,
        stop=stop,
        on_start=on_start,
        on_outcome=on_outcome,
    )
    with opened(target, start) as workspace:
        done = pipeline.destroy(workspace, wish, manner)
    return ended(done, Plan(done.planned, wish, start), check=check, stopped=manner.stop.is_set(), command="destroy")


def rollback(
    run: str = "",
    *,
    target: str | None = None,
    by: Literal["record", "commit"] | None = None,
    variables: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    max_delete: int | None = None,
    allow_empty: bool = False,
    policies: PathLike = "",
    confirm: Callable[[Plan], bool] | None = None,
    parallel: int = 4,
    lock_timeout: float = 0,
    step_timeout: float = 3600,
    stop: threading.Event | None = None,
    on_start: Callable[[Step], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    check: bool = True,
    cwd: PathLike | None = None,
) -> Applied:
    """Bring a target back to what it was before the last run that changed something, or when a run had ended.

        >>> applied = reconciler.apply("manifests", target="dev")
        >>> changed = reconciler.apply("manifests", overrides={"deployment/credit/blue.instance_count": 2})
        >>> for outcome in reconciler.rollback(target="dev").outcomes:
        ...     print(outcome.step.action, outcome.step.address)
        scale deployment/credit/blue

    Args:
        run: its id, the begin of it, or `last`: the target becomes as it was when that had ended.
        target: its name in mlops.yaml; by default the default one.
        by: what to go by: what is recorded, or the files of the run's commit; by default what can be done.
        variables: for the files of a commit, what replaces `{{NAME}}`.
        overrides: for the files of a commit, other values of fields, by `ADDRESS.FIELD`.
        max_delete: how many deletions there may be; by default the larger of 5 and 20 %.
        allow_empty: whether nothing at all may be left.
        policies: a folder or `REV:PATH` that policies over plans are taken from, in place of the checkout's own.
        confirm: asked with the plan before anything is done, while the lock is held; False leaves everything as it is.
        parallel: how many steps run at once at the most.
        lock_timeout: how long to wait for another run of the target to end, in seconds.
        step_timeout: how long a step may take before it is left behind, in seconds.
        stop: once set, by whatever thread, steps that run are finished and recorded, and no other is begun.
        on_start: told of each step that begins, in the calling thread.
        on_outcome: told how each step ended, once that is recorded, in the calling thread.
        check: whether a step that did not succeed is raised; else `Applied.succeeded` tells.
        cwd: a folder of the repository; by default the current one.

    Raises:
        RefusedError: it can be done by neither record nor commit, or a guard or a policy forbids it.
        LockHeldError: another run holds the target.
        StepFailedError: a step failed; what was done is recorded.
        InterruptedRunError: it was stopped before its end; what was done is recorded.
        MlopsError: there is no such run, or none that changed anything; or any other.
    """
    start = folder_of(cwd)
    if by not in (None, *Way):
        raise MlopsError(f"by is record or commit, not {by}")
    wish = wish_of((), start, variables=variables, overrides=overrides, max_delete=max_delete, policies=policies)
    way = Way(by) if by else None
    back = Back(run, way, wish.variables, wish.overrides, max_delete, allow_empty, wish.policies)
    manner = manner_of(
        confirm=confirm and (lambda planned: confirm(Plan(planned, wish, start))),
        parallel=parallel,
        lock_timeout=lock_timeout,
        step_timeout=step_timeout,
        stop=stop,
        on_start=on_start,
        on_outcome=on_outcome,
    )
    with opened(target, start) as workspace:
        _, done = roll_back(workspace, back, manner)
    return ended(done, Plan(done.planned, wish, start), check=check, stopped=manner.stop.is_set(), command="rollback")
