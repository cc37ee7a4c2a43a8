"""Plans in Python: made, looked at, and applied exactly as they were made, or not at all."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reconciler import pipeline
from reconciler.api.asking import Names, PathLike, folder_of, manner_of, opened, wish_of
from reconciler.core.offline import is_offline
from reconciler.core.plan import Outcome, Step, plan_body
from reconciler.core.plan import Plan as Made
from reconciler.core.problem import Problem
from reconciler.core.state import Drift
from reconciler.errors import RefusedError
from reconciler.executing import raise_unless_done
from reconciler.load.settings.config import read_config
from reconciler.render.as_json import apply_json, plan_json
from reconciler.render.markdown import apply_markdown, plan_markdown
from reconciler.render.text import outcomes_text, plan_text, summary
from reconciler.reviewing import save
from reconciler.saved import SavedPlan
from reconciler.wishes import Applied as Done
from reconciler.wishes import Planned, Wish


@dataclass(frozen=True, repr=False, eq=False)
class Plan:
    """What is to be done so that a target is as the files say: `reconciler.plan` makes one.

    `print(plan)` shows what `mlops plan` shows, and a notebook shows it as tables. Two plans of the same files, record
    and live side have the same `digest`.
    """

    _planned: Planned
    _wish: Wish
    _start: Path

    @property
    def target(self) -> str:
        """The name of the target."""
        return self._made.target

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in the order in which they begin, each with its `reason` and the ids of those that it `needs`."""
        return self._made.steps

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to do; operations that a run left without an end count, too."""
        return bool(self._made.steps or self._made.recovery)

    @property
    def unchanged(self) -> int:
        """How many resources need nothing."""
        return self._made.unchanged

    @property
    def digest(self) -> str:
        """The identity of the plan, as `mlops apply --digest` takes it."""
        return self._made.digest

    @property
    def pins(self) -> Mapping[str, str]:
        """What labels mean in it: `model/risk@latest` is `model/risk:3`."""
        return self._made.pins

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the files, git and policies are warned of."""
        return self._planned.warnings

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """What changed behind git's back; the plan is made from what is there."""
        return self._planned.drifts

    def apply(
        self,
        *,
        parallel: int = 4,
        lock_timeout: float = 0,
        step_timeout: float = 3600,
        stop: threading.Event | None = None,
        on_start: Callable[[Step], None] | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
        check: bool = True,
    ) -> "Applied":
        """Do exactly this plan, or refuse where the files, the record or a live object have changed since.

        Args:
            parallel: how many steps run at once at the most.
            lock_timeout: how long to wait for another run of the target to end, in seconds.
            step_timeout: how long a step may take before it is left behind, in seconds.
            stop: once set, by whatever thread, steps that run are finished and recorded, and no other is begun.
            on_start: told of each step that begins, in the calling thread.
            on_outcome: told how each step ended, once that is recorded, in the calling thread.
            check: whether a step that did not succeed is raised; else `Applied.succeeded` tells.

        Raises:
            StalePlanError: something has changed; plan again.
            LockHeldError: another run holds the target.
            StepFailedError: a step failed; what was done is recorded.
            InterruptedRunError: it was stopped before its end; what was done is recorded.
            MlopsError: any other, such as of the record or the platform.
        """
        if self._made.against:
            raise RefusedError(f"the plan is made against {self._made.against}, not the record; plan without `against`")
        manner = manner_of(
            parallel=parallel,
            lock_timeout=lock_timeout,
            step_timeout=step_timeout,
            stop=stop,
            on_start=on_start,
            on_outcome=on_outcome,
        )
        exactly = SavedPlan(self.digest, json.loads(json.dumps(plan_body(self._made))), {})
        with opened(self.target, self._start, cached=self._wish.cached) as workspace:
            # Who wrote what is known, and no part of what is compared.
            done = pipeline.apply(workspace, replace(self._wish, blame=False), manner, saved=exactly)
        return ended(done, self, check=check, stopped=manner.stop.is_set())

    def save(self, file: PathLike) -> None:
        """Write the plan into a file, as `mlops plan --out` does; secrets are not in it.

            >>> reconciler.plan("manifests", target="dev").save("plan.json")
            >>> reconciler.apply(saved="plan.json").succeeded
            True

        Whoever applies it gives values of `variables` and `overrides` again.

        Raises:
            MlopsError: it cannot be written.
        """
        save(self._start / file, self._made, self._wish, read_config(self._start).root)

    def to_dict(self) -> dict[str, Any]:
        """The plan as `mlops plan --format json` prints it; secrets are not in it."""
        return plan_json(self._made, blame=self._planned.blame, warnings=self.warnings)

    @property
    def _made(self) -> Made:
        return self._planned.plan

    def __str__(self) -> str:
        return plan_text(self._made, blame=self._planned.blame)

    def __repr__(self) -> str:
        return f"<Plan {self.target}: {len(self.steps)} steps, {self.digest[:12]}>"

    def _repr_markdown_(self) -> str:
        return plan_markdown(self._made, blame=self._planned.blame, warnings=self.warnings)


@dataclass(frozen=True, repr=False, eq=False)
class Applied:
    """What an apply did.

    Args:
        plan: what was planned, under the lock.
        outcomes: what each step did, in the order of the plan; none where there was nothing to do.
        declined: whether `confirm` said no, so that nothing was done.
        command: apply, destroy or rollback.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    declined: bool = False
    command: str = "apply"

    @property
    def succeeded(self) -> bool:
        """Whether all is done that was planned."""
        return not self.declined and Done(self.plan._planned, self.outcomes).succeeded  # noqa: SLF001 - its own module

    def to_dict(self) -> dict[str, Any]:
        """The same as `mlops apply --format json` prints it; secrets are not in it."""
        planned = self.plan._planned  # noqa: SLF001 - its own module
        told, declined = planned.warnings, self.declined
        return apply_json(planned.plan, self.outcomes, declined=declined, blame=planned.blame, warnings=told)

    def __str__(self) -> str:
        if self.declined:
            return "Nothing was changed."
        if not self.outcomes:
            return summary(self.plan._made, command=self.command)  # noqa: SLF001 - as above
        return outcomes_text(self.outcomes, command=self.command)

    def __repr__(self) -> str:
        return f"<Applied {self.plan.target}: {str(self).splitlines()[-1]}>"

    def _repr_markdown_(self) -> str:
        return apply_markdown(self.plan._made, self.outcomes, command=self.command)  # noqa: SLF001 - as above


def plan(
    *paths: PathLike,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    only: Names = (),
    name: str = "",
    endpoint_name: str = "",
    refresh: bool = True,
    minimal_refresh: bool = False,
    offline: bool = False,
    against: str = "",
    max_delete: int | None = None,
    allow_empty: bool = False,
    policies: PathLike = "",
    blame: bool = True,
    cache: bool = True,
    git: bool = True,
    cwd: PathLike | None = None,
) -> Plan:
    """Plan what must be done so that a target is as files say; nothing is changed.

        >>> plan = reconciler.plan("manifests", target="dev", overrides={"deployment/credit/blue.instance_count": 2})
        >>> for step in plan.steps:
        ...     print(step.id, step.action, step.address, step.reason)
        1 create endpoint/credit new
        2 create deployment/credit/blue new
        3 route endpoint/credit traffic changed
        >>> plan.apply().succeeded
        True
        >>> print(reconciler.plan("manifests", target="dev", only=["endpoint/credit"]))
        No changes. 1 resource is as the manifests say (target dev).

    Args:
        paths: folders, files or `REV:PATH`; by default the folder that mlops.yaml names. A folder is all that is
            wanted, so that what it no longer holds is deleted; a file is only itself.
        target: its name in mlops.yaml; by default the default one.
        variables: what replaces `{{NAME}}` in the files.
        overrides: other values of fields, by `ADDRESS.FIELD`.
        only: addresses to which the plan is confined, with what they need.
        name: of the resource of a single file, whatever that says.
        endpoint_name: of the deployment of a single file, whatever that says.
        refresh: whether the live side is looked at first.
        minimal_refresh: whether of the live side no more is looked at than what the plan touches.
        offline: whether no connection is opened, and the record alone tells what there is; also by MLOPS_OFFLINE.
        against: a revision of git whose files stand in for the record, offline.
        max_delete: how many deletions there may be; by default the larger of 5 and 20 %.
        allow_empty: whether the files may define nothing at all.
        policies: a folder or `REV:PATH` that policies over plans are taken from, in place of the checkout's own.
        blame: whether git is asked who last wrote what the fields come from.
        cache: whether what is known from earlier runs is used, and what is learnt is kept for later ones.
        git: whether git is asked in a large checkout which files changed, and not the disk of each.
        cwd: a folder of the repository, from which paths count; by default the current one.

    Raises:
        ManifestError: the files are wrong; its `problems` are those of all files.
        RefusedError: a guard, the quota or a policy forbids the plan.
        MlopsError: any other, such as of the record or the platform.
    """
    start, alone = folder_of(cwd), offline or bool(against) or is_offline(os.environ)
    wish = wish_of(
        paths,
        start,
        variables=variables,
        overrides=overrides,
        only=only,
        name=name,
        endpoint_name=endpoint_name,
        refresh=refresh and not alone,
        minimal_refresh=minimal_refresh,
        max_delete=max_delete,
        allow_empty=allow_empty,
        policies=policies,
        against=against,
        blame=blame,
        cache=cache and not alone,  # offline nothing is trusted that lies about
        git=git,
    )
    with opened(target, start, offline=alone, blank=bool(against), cached=cache) as workspace:
        return Plan(pipeline.plan(workspace, wish), wish, start)


def ended(done: Done, plan: Plan, *, check: bool, stopped: bool, command: str = "apply") -> Applied:
    """What a run did, for whoever asked for it; with `check` an error where that is not all that was planned."""
    if check and not done.declined:
        raise_unless_done(done, stopped=stopped, again="roll back" if command == "rollback" else command)
    return Applied(plan, done.outcomes, done.declined, command)
