"""What is asked of the pipeline, how it is to go about it, and what comes of it."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.apply import Pace
from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource, Source
from reconciler.core.plan import Outcome, Plan, Recovery, Result
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass, Entry
from reconciler.frozen import dataclass
from reconciler.load import Loaded, Options, Override
from reconciler.load.settings.config import Config, Target
from reconciler.workspace import Workspace

if TYPE_CHECKING:
    from reconciler.apply import Watcher
    from reconciler.core.amendment import Amendment, Spelled
    from reconciler.core.blame import Blame


@dataclass(frozen=True)
class Wish:
    """What a user asks for on the command line.

    Args:
        paths: folders, files or `REV:PATH`; none for the folder that `mlops.yaml` names. A folder is everything that
            is wanted, so that the rest is deleted; files alone are only themselves, as with `kubectl apply -f`.
        variables: from `--var`; they win over the target's.
        overrides: from `--set`; they win over the target's.
        name: of the resource of a single file, over what that says; empty where the command gives none.
        endpoint_name: of the deployment of a single file, likewise.
        only: addresses to which the plan is confined, with what they need.
        refresh: whether the live side is read and drift folded in before planning.
        minimal: whether of the live side only what the plan touches is read.
        max_delete: how many deletions there may be; None for the larger of 5 and 20 %.
        allow_empty: whether nothing at all may be wanted.
        policies: where policies over plans are taken from, in place of the checkout's own.
        against: a revision of git whose files stand in for the record; empty for the record itself.
        kind: what the files hold, where a command is about one kind; with it no folder is read by default.
        spelled: resources that a command spells out in place of files.
        amendments: what a command changes of recorded resources.
        existing: whether what the files or the command spell out must be there already.
        marks: what a command marks the resources with that it makes.
        skip_scripts: whether scoring scripts are not looked at.
        beyond: paths, links resolved, that the command's options name in the place of those of its file.
        require_clean: whether what is in no commit is not applied; a target may want that as well.
        blame: whether git is asked who last wrote what the plan's fields come from.
        resources: everything that is wanted, in the place of what files say; None where files are to be read.
        read: what the files said when they were read already, whatever became of them since.
        cached: whether what is known from earlier runs may be used, and kept for later ones.
        git: whether git may be asked which files changed since.
    """

    paths: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    name: str = ""
    endpoint_name: str = ""
    only: tuple[Address, ...] = ()
    refresh: bool = True
    max_delete: int | None = None
    allow_empty: bool = False
    policies: str = ""
    against: str = ""
    blame: bool = True
    resources: tuple[Resource, ...] | None = None
    require_clean: bool = False
    kind: str = ""
    spelled: "tuple[Spelled, ...]" = ()
    amendments: "tuple[Amendment, ...]" = ()
    existing: bool = False
    marks: Mapping[str, Any] = field(default_factory=dict)
    skip_scripts: bool = False
    beyond: tuple[str, ...] = ()
    read: Loaded | None = None
    cached: bool = True
    git: bool = True
    minimal: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """What the command line gives of the resources, by name; values may be secret."""
        overridden = (f"{override.address}.{override.path}".lstrip(".") for override in self.overrides)
        spelled = (f"a {each.kind}" for each in self.spelled)
        amended = (field for amendment in self.amendments for field in amendment.fields)
        return (*sorted(self.variables), *overridden, *spelled, *amended)


def options_of(target: Target, wish: Wish, *, cache: Path | None = None, start: str = "") -> Options:
    """The target's variables and overrides, under those of the command line."""
    return Options(
        variables={**target.variables, **wish.variables},
        overrides=(*target.overrides, *wish.overrides),
        policies=target.policy_fields,
        name=wish.name,
        endpoint_name=wish.endpoint_name,
        kind=wish.kind,
        cache=cache,
        beyond=wish.beyond,
        start=start,
    )


def cache_of(workspace: Workspace, wish: Wish) -> Path | None:
    """Where what is known of files is kept; None where the wish does without."""
    return workspace.cache if wish.cached else None


def paths_of(config: Config, wish: Wish) -> tuple[str, ...]:
    """What was asked for, else the folder that `mlops.yaml` names; a command that is about one kind reads none."""
    if wish.paths or wish.kind:
        return wish.paths
    return (os.path.relpath(config.root / config.manifests),)


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made from.

    Args:
        warnings: the files' `W-` problems.
        drifts: what changed behind git's back; the plan is made as if it were recorded.
        corrections: how the record is corrected to the live side before the first step.
        passed_over: YAML files that are not ours.
        blame: for the places of the plan's fields, who last wrote the line.
    """

    plan: Plan
    warnings: tuple[Problem, ...] = ()
    drifts: tuple[Drift, ...] = ()
    corrections: Mapping[Address, Entry | None] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    blame: "Mapping[Source, Blame]" = field(default_factory=dict)


@dataclass(frozen=True)
class Drifted:
    """What changed behind git's back.

    Args:
        drifts: sorted by address; what a run that is at work has under way is expected.
        recorded: how many resources are recorded.
        recovery: operations that have no end.
        holder: who is at work on the target at the moment, so that `recovery` is under way; None when nobody is.
        target: the name of the target.
        silent: instances that do not say what they serve, and why.
    """

    drifts: tuple[Drift, ...]
    recorded: int
    recovery: tuple[Recovery, ...] = ()
    holder: Mapping[str, str | int] | None = None
    target: str = ""
    silent: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether there is drift that makes an exit code."""
        return any(drift.kind is not DriftClass.EXPECTED for drift in self.drifts)


@dataclass(frozen=True)
class Applied:
    """What an apply planned and what its steps did; `declined` when it was asked for and not wanted."""

    planned: Planned
    outcomes: tuple[Outcome, ...] = ()
    declined: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether every step did what it should."""
        return all(outcome.result is Result.SUCCEEDED for outcome in self.outcomes)


@dataclass(frozen=True)
class Validated:
    """What was read for a target, and everything that is wrong with it.

    Args:
        target: its name; empty for the default one.
        manifests: of the files, as they are written.
        problems: errors and warnings, sorted by place.
    """

    target: str
    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...]


class Accept(Protocol):
    """Takes a wish on before the target's lock is waited for, and gives it as it is to be carried out."""

    def __call__(
        self, workspace: Workspace, wish: Wish, plan: Callable[[Wish], Planned], *, deletes: bool = False
    ) -> Wish:
        """Accept or raise.

        Args:
            workspace: the target, not locked.
            wish: what is asked for.
            plan: tells what it comes to as things are, or why it is refused.
            deletes: whether it is to go.
        """
        ...


def _as_it_is(
    workspace: Workspace,  # noqa: ARG001 - the Protocol's form
    wish: Wish,
    plan: Callable[[Wish], Planned],  # noqa: ARG001
    *,
    deletes: bool = False,  # noqa: ARG001
) -> Wish:
    return wish


def _told_to_nobody(_plan: Plan) -> "Watcher":
    from reconciler.apply import Watcher  # noqa: PLC0415 - only a run that writes has one

    return Watcher()


@dataclass(frozen=True)
class Manner:
    """How an apply goes about it.

    Args:
        confirm: asked before anything is touched; False leaves everything as it is.
        parallel: how many steps run at once at the most.
        lock_timeout_s: how long to wait for another run to end.
        stop: once set, running steps are finished and recorded, and no other is begun.
        watch: given the plan that is about to run, says who is told of starts, waits and outcomes.
        pace: how long a step may take, and how often its call is made.
        command: what the run is written down as, and who waits for it is told.
        accept: asked before the lock is waited for.
        waiting: told once of whoever has to be waited for.
    """

    confirm: Callable[[Planned], bool] = lambda _planned: True
    parallel: int = 4
    lock_timeout_s: float = 0
    stop: threading.Event = field(default_factory=threading.Event)
    watch: Callable[[Plan], "Watcher"] = _told_to_nobody
    pace: Pace = field(default_factory=Pace)
    command: str = "apply"
    accept: Accept = _as_it_is
    waiting: Callable[[Mapping[str, str | int]], None] = lambda _holder: None
