"""A watcher, round by round: fetch, choose, lay out, plan, decide, apply; what fails is told once and tried later."""

import errno
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from reconciler import pipeline
from reconciler.apply import Pace, utc_now
from reconciler.core.holder import holder_text
from reconciler.core.plan import Outcome, Plan, Result, plan_body
from reconciler.core.state import Drift, DriftClass
from reconciler.errors import LockHeldError, ManifestError, MlopsError, ProviderError, RefusedError, StateError
from reconciler.record.leading import Leadership
from reconciler.record.store import Run
from reconciler.render.text import outcomes_text, summary
from reconciler.render.values import printable
from reconciler.watch import deciding
from reconciler.watch.clone import GitOutageError, UntrustedError
from reconciler.watch.deciding import Branch, Chosen, Decision, Do, Facts, Hold, Outage
from reconciler.watch.folder import COMMAND, Folder
from reconciler.watch.kept import Memory
from reconciler.watch.settings import Settings
from reconciler.watch.sight import PATIENCE, Sight
from reconciler.wishes import Applied, Manner, Planned, Wish
from reconciler.workspace import Workspace, holder

STANDBY_S = 1.0
_RUNS = 50
_GRACE_S = 30.0

Tell = Callable[[str, str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class World:
    """What a watcher has of the world.

    Args:
        tell: takes the kind of an event, its line for people, and its facts for programs.
        now: seconds since the epoch.
        dice: a number from 0 to 1.
        manner: how an apply goes about it: whom it tells, and what stops it.
    """

    tell: Tell
    now: Callable[[], float] = time.time
    dice: Callable[[], float] = lambda: 0.0
    manner: Manner = field(default_factory=Manner)


@dataclass(frozen=True)
class Round:
    """How a round ended.

    Args:
        outage: what could not be reached.
        hold: why something was not done.
        failed: whether an apply failed in it.
        interrupted: whether an apply was broken off.
    """

    outage: Outage | None = None
    hold: Hold | None = None
    failed: bool = False
    interrupted: bool = False


class Watcher:
    """Keeps one branch applied in one folder."""

    def __init__(self, folder: Folder, settings: Settings, sight: Sight, world: World) -> None:
        self._folder, self._settings, self._world = folder, settings, world
        self.sight = sight
        self._failures = 0
        self._told: dict[str, str] = {}
        self._lead: Leadership | None = None
        self._trusted = ""

    def round(self, *, asked: bool = False) -> Round:
        """Do what is due; `asked` has held commits tried again."""
        try:
            found = self._round(asked=asked)
        except (LockHeldError, RefusedError, ManifestError) as error:
            found = self._held(_HOLDS.get(type(error), Hold.REFUSED), _line(error))
        except Exception as error:  # noqa: BLE001 - the loop outlives whatever fails in a round, and tells it
            found = self._failed(error)
        if found.outage is None:
            self._recovered()
        if found.hold is None:
            self._told.pop("held", None)
        self.sight = replace(
            self.sight,
            rounds=self.sight.rounds + 1,
            hold=found.hold,
            failed_applies=self.sight.failed_applies + found.failed,
        )
        return found

    def pause(self, found: Round) -> float:
        """How many seconds from the begin of a round to that of the next one."""
        settings = self._settings
        if found.hold is Hold.STANDBY:
            return STANDBY_S
        if found.failed:
            return 0.0
        return deciding.pause(
            settings.interval_s,
            self._failures,
            longest_s=settings.backoff_s,
            jitter=settings.jitter,
            dice=self._world.dice(),
        )

    def alive(self, for_s: float = 0.0) -> None:
        """Give a sign of life, and promise another one within so long and some intervals."""
        due = self._world.now() + for_s + PATIENCE * self._settings.interval_s + _GRACE_S
        self.sight = replace(self.sight, due=due)

    def close(self) -> None:
        """Let another watcher lead."""
        if self._lead:
            self._lead.close()
        self._folder.close()

    def _round(self, *, asked: bool) -> Round:
        self.alive(self._settings.fetch_timeout_s)
        if other := self._folder.take():
            return self._stand_by(other)
        if self._lead and not self.sight.leads and (other := self._lead.take(holder(COMMAND, utc_now()))):
            return self._stand_by(other)
        clone, kept = self._folder.clone, self._folder.kept
        clone.begin()
        head = clone.fetch(timeout_s=self._settings.fetch_timeout_s)
        self.sight = replace(self.sight, head=head, fetched=self._world.now())
        memory = kept.read()
        if asked:
            memory = replace(memory.forgiven(), accepted=head)
        chosen = self._chosen(head, memory)
        former, memory = memory.head, replace(memory, head=chosen.commit)
        self._tell_commit(head, former)
        self._keep(memory)
        if not chosen.commit:
            return self._held(chosen.hold, f"commit {head[:12]} is refused: {chosen.why}")
        found = self._see_to(chosen.commit, former)
        if chosen.hold and found.outage is None:
            return self._held(chosen.hold, f"commit {head[:12]} is refused, {_stays(chosen)}: {chosen.why}", found)
        return found

    def _chosen(self, head: str, memory: Memory) -> Chosen:
        clone, former = self._folder.clone, memory.head
        untrusted = ""
        if head != self._trusted:
            try:
                clone.refuse_unless_signed(head, self._settings.signers)
                self._trusted = head
            except UntrustedError as error:
                untrusted = str(error)
        follows = former in ("", head) or clone.is_ancestor(former, head)
        accepted = self._settings.follow_rewritten or memory.accepted == head
        return deciding.choose(Branch(head, former, untrusted, follows, accepted))

    def _see_to(self, commit: str, former: str) -> Round:
        """Lay a commit out and see to it that the target is as it says."""
        suspension = self._folder.kept.suspension()
        self.sight = replace(self.sight, suspended=suspension is not None)
        if suspension:
            return self._held(Hold.SUSPENDED, f"suspended {suspension}")
        self._folder.lay_out(commit)
        self.alive(self._settings.step_timeout_s)
        with self._folder.opened() as workspace:
            if other := self._led_by(workspace):
                return self._stand_by(other)
            return self._reconcile(workspace, commit, former or commit)

    def _led_by(self, workspace: Workspace) -> str:
        """Who else leads the record of a target; empty where we do."""
        location, root, target = workspace.target.state, workspace.config.root, workspace.target.name
        if self._lead is None or not self._lead.is_of(location, target):
            if self._lead:
                self._lead.close()
            self._lead = Leadership(location, root=root, target=target)
        other = self._lead.take(holder(COMMAND, utc_now()))
        if not other and not self.sight.leads:
            self._once("lead", f"leads target {target}")
            self.sight = replace(self.sight, leads=True)
        return other

    def _stand_by(self, other: str) -> Round:
        self.sight = replace(self.sight, leads=False)
        self._once("lead", f"stands by: {other} leads")
        return Round(hold=Hold.STANDBY)

    def _reconcile(self, workspace: Workspace, commit: str, former: str) -> Round:
        kept, wish = self._folder.kept, self._wish()
        planned = pipeline.plan(workspace, wish, Pace(self._settings.step_timeout_s))
        memory = _learned(kept.read(), workspace.store.runs(limit=_RUNS), planned.plan, commit, former)
        self._keep(memory)
        self._tell_drift(planned.drifts)
        decision = self._decided(planned, memory, commit)
        self.sight = replace(
            self.sight, changes=len(planned.plan.steps), drift=len(_drifted(planned.drifts)), in_force=memory.in_force
        )
        if decision.do is Do.HOLD:
            return self._held(decision.hold, f"commit {commit[:12]} is held: {decision.why}")
        if decision.do is Do.REST:
            self._in_force(commit, planned.plan)
            return Round()
        return self._applied(workspace, commit, decision)

    def _decided(self, planned: Planned, memory: Memory, commit: str) -> Decision:
        plan, suspension = planned.plan, self._folder.kept.suspension()
        facts = Facts(
            commit=commit,
            is_new=(commit, plan.tree) != (memory.in_force, memory.in_force_tree),
            steps=[step.address for step in plan.steps],
            heals=[step.address for step in plan.steps if self._settings.self_heal.heals(step.address)],
            unsettled=bool(plan.recovery),
            holder="" if plan.holder is None else holder_text(plan.holder),
            plan=_mark(plan),
            tried=memory.tried,
            tried_plan=memory.tried_plan,
            undone=memory.undone,
            closed=self._settings.windows.closed(datetime.fromtimestamp(self._world.now(), UTC)),
            suspended=str(suspension or ""),
        )
        return deciding.decide(facts)

    def _applied(self, workspace: Workspace, commit: str, decision: Decision) -> Round:
        """Apply, unless the plan under the lock is one that would be held."""
        kept = self._folder.kept

        def confirm(planned: Planned) -> bool:
            agreed = self._decided(planned, kept.read(), commit).do is Do.APPLY
            if agreed:
                self._say("plan", f"commit {commit[:12]}: {summary(planned.plan)}", commit=commit)
            return agreed

        manner = replace(
            self._world.manner,
            confirm=confirm,
            parallel=self._settings.parallel,
            pace=Pace(self._settings.step_timeout_s),
            command="watch",
        )
        applied = pipeline.apply(workspace, self._wish(decision), manner)
        if applied.declined:
            return Round()
        if applied.succeeded:
            self._say("applied", f"commit {commit[:12]}: {_told(applied.outcomes)}", commit=commit)
            if not decision.only:
                self._in_force(commit, applied.planned.plan)
            self.sight = replace(self.sight, changes=0, drift=0 if not decision.only else self.sight.drift)
            return Round()
        return self._not_applied(workspace, commit, applied)

    def _not_applied(self, workspace: Workspace, commit: str, applied: Applied) -> Round:
        """An apply that was broken off goes on later, and one of unknown end too; one that failed had its try."""
        self._say("failed", f"commit {commit[:12]}: {_told(applied.outcomes)}", commit=commit)
        if self._world.manner.stop.is_set():
            return Round(interrupted=True)
        if any(outcome.result is Result.UNKNOWN for outcome in applied.outcomes):
            last = workspace.store.runs(limit=1)
            memory = self._folder.kept.read()
            self._keep(replace(memory, judged=last[0].id if last else memory.judged))
            raise ProviderError("nobody knows whether a step is done")
        return Round(hold=Hold.FAILED, failed=True)

    def _wish(self, decision: Decision | None = None) -> Wish:
        return Wish(
            variables=dict(self._settings.variables),
            only=decision.only if decision else (),
            allow_empty=self._settings.allow_empty,
        )

    def _in_force(self, commit: str, plan: Plan) -> None:
        memory = self._folder.kept.read()
        if (memory.in_force, memory.in_force_tree) != (commit, plan.tree):
            self._keep(replace(memory, in_force=commit, in_force_tree=plan.tree, tried="", tried_plan=""))
            self._say("in force", f"commit {commit[:12]} is in force", commit=commit)
        self.sight = replace(self.sight, in_force=commit, succeeded=self._world.now())

    def _keep(self, memory: Memory) -> None:
        if memory != self._folder.kept.read():
            self._folder.kept.keep(memory)

    def _held(self, hold: Hold | None, line: str, found: Round | None = None) -> Round:
        self._once("held", line, hold=str(hold))
        return replace(found or Round(), hold=hold)

    def _failed(self, error: Exception) -> Round:
        outage = _outage_of(error)
        self._failures += 1
        self._once(f"outage {outage}", f"outage of {outage}: {_line(error)}", outage=str(outage))
        self.sight = self.sight.failed(outage, self._world.now())
        return Round(outage=outage)

    def _recovered(self) -> None:
        """Tell of the first good round behind outages."""
        self._failures = 0
        for topic in [topic for topic in self._told if topic.startswith("outage ")]:
            del self._told[topic]
            self._say("recovered", f"{topic.removeprefix('outage ')} answers again")
        self.sight = replace(self.sight, failing_since=0.0)

    def _tell_commit(self, head: str, former: str) -> None:
        if self._told.get("commit") == head or (head == former and "commit" not in self._told):
            self._told["commit"] = head
            return
        self._told["commit"] = head
        commit = self._folder.clone.told(head)
        line = printable(f"commit {head[:12]} by {commit.author}: {commit.subject}")
        self._say("commit", line, commit=head, author=commit.author)

    def _tell_drift(self, drifts: Sequence[Drift]) -> None:
        found = _drifted(drifts)
        names = ", ".join(str(each.address) for each in found[:5]) + (
            f" and {len(found) - 5} more" if found[5:] else ""
        )
        if found:
            self._once("drift", f"drift: {names}", addresses=[str(each.address) for each in found])
        else:
            self._told.pop("drift", None)

    def _once(self, topic: str, line: str, **facts: Any) -> None:
        """Say something unless it was the last thing that was said of it."""
        if self._told.get(topic) != line:
            self._told[topic] = line
            self._say(topic.partition(" ")[0], line, **facts)

    def _say(self, kind: str, line: str, **facts: Any) -> None:
        self._world.tell(kind, line, facts)


_HOLDS: Mapping[type[MlopsError], Hold] = {LockHeldError: Hold.BUSY, ManifestError: Hold.BROKEN}


def _learned(memory: Memory, runs: Sequence[Run], plan: Plan, commit: str, former: str) -> Memory:
    """The memory with what the record tells: a rollback takes back what was in force, a failed run was a try."""
    last = runs[0] if runs else None
    if last and _command(last) == "rollback" and last.id != memory.undone_by:
        memory = replace(memory, undone_by=last.id, undone=former, in_force="", in_force_tree="")
    ours = next((run for run in runs if _command(run) == "watch"), None)
    if ours and ours.outcome == "failed" and ours.commit == commit and ours.id != memory.judged:
        memory = replace(memory, judged=ours.id, tried=commit, tried_plan=_mark(plan))
    return memory


def _command(run: Run) -> str:
    return run.command.removeprefix("mlops ")


def _mark(plan: Plan) -> str:
    """What tells a plan from others: what was read, and what it comes to on what is live."""
    body = plan_body(plan)
    told = json.dumps([body["tree"], body["steps"], body["pins"]], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _drifted(drifts: Sequence[Drift]) -> list[Drift]:
    return [drift for drift in drifts if drift.kind is not DriftClass.EXPECTED]


def _outage_of(error: Exception) -> Outage:
    if isinstance(error, GitOutageError):
        return Outage.GIT
    if isinstance(error, StateError):
        return Outage.STATE
    if isinstance(error, ProviderError):
        return Outage.PROVIDER
    full = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
    return Outage.DISK if isinstance(error, OSError) and error.errno in full else Outage.INTERNAL


def _line(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, ManifestError):
        first = next((problem for problem in error.problems if problem.is_error), error.problems[0])
        more = f" and {len(error.problems) - 1} more problems" if len(error.problems) > 1 else ""
        return printable(f"the files are wrong: {first}{more}")
    said = " ".join(str(error).split()) or type(error).__name__
    return printable(said if isinstance(error, (MlopsError, OSError)) else f"{type(error).__name__}: {said}")


def _told(outcomes: Sequence[Outcome]) -> str:
    return outcomes_text(outcomes).strip() if outcomes else "what was cut off is settled"


def _stays(chosen: Chosen) -> str:
    return f"{chosen.commit[:12]} stays in force"
