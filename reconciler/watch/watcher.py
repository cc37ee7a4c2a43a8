"""A watcher, round by round: fetch, choose, lay out, plan, decide, apply; what fails is told once and tried later."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler import pipeline
from reconciler.apply import Pace, utc_now
from reconciler.apply import Watcher as Told
from reconciler.core.holder import holder_text
from reconciler.core.plan import Outcome, Plan, Result, Step
from reconciler.errors import LockHeldError, ManifestError, ProviderError, RefusedError
from reconciler.record.leading import Leadership
from reconciler.render.as_json import outcomes_json
from reconciler.render.text import summary
from reconciler.watch import deciding
from reconciler.watch.clone import GitOutageError, UntrustedError
from reconciler.watch.deciding import Branch, Chosen, Decision, Do, Facts, Hold, Outage
from reconciler.watch.folder import COMMAND, Folder
from reconciler.watch.kept import Memory
from reconciler.watch.learning import has_news, learned, mark
from reconciler.watch.settings import Settings
from reconciler.watch.sight import PATIENCE, Sight
from reconciler.watch.telling import Tell, Telling, done, drifted, line_of, outage_of
from reconciler.wishes import Applied, Manner, Planned, Wish
from reconciler.workspace import Workspace, holder

STANDBY_S = 1.0
_RUNS = 50
_GRACE_S = 30.0


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

    @property
    def is_final(self) -> bool:
        """Whether it counts more than that the remote cannot be reached."""
        return self.interrupted or self.failed or self.hold is Hold.STANDBY


class Watcher:
    """Keeps one branch applied in one folder."""

    def __init__(self, folder: Folder, settings: Settings, sight: Sight, world: World) -> None:
        self._folder, self._settings, self._world = folder, settings, world
        self.sight = sight
        self._failures = 0
        self._telling = Telling(world.tell)
        self._lead: Leadership | None = None

    def round(self, *, asked: bool = False) -> Round:
        """Do what is due; `asked` has held commits tried again."""
        try:
            found = self._round(asked=asked)
        except RefusedError as error:
            found = self._held(Hold.REFUSED, line_of(error))
        except Exception as error:  # noqa: BLE001 - the loop outlives whatever fails in a round, and tells it
            found = self._failed(error)
        if found.outage is None:
            self._recovered()
        for hold in Hold if found.hold is None else ():
            self._telling.over(f"held {hold}")
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
        memory = kept.read()
        try:
            head = clone.fetch(timeout_s=self._settings.fetch_timeout_s)
        except GitOutageError:
            # What is known already is still seen to.
            known = self._counting(memory)
            if known and clone.laid and (found := self._tried(known, known)).is_final:
                return found
            raise
        self.sight = replace(self.sight, head=head, fetched=self._world.now())
        if asked:
            memory = replace(memory.forgiven(), accepted=head)
        chosen = self._chosen(head, memory)
        former, memory = memory.head, replace(memory, head=chosen.commit or memory.head)
        if head != former:
            self._telling.commit(clone.told(head))
        self._keep(memory)
        if not chosen.commit:
            return self._held(chosen.hold, f"commit {head[:12]} is refused: {chosen.why}")
        found = self._tried(chosen.commit, former)
        if chosen.hold and not found.is_final:
            stays = _stays(chosen, head, kept.read().in_force)
            return self._held(chosen.hold, f"commit {head[:12]} is refused, {stays}: {chosen.why}", found)
        return found

    def _chosen(self, head: str, memory: Memory) -> Chosen:
        former = self._counting(memory)
        follows = former in ("", head) or self._folder.clone.is_ancestor(former, head)
        accepted = self._settings.follow_rewritten or memory.accepted == head
        return deciding.choose(Branch(head, former, self._untrusted(head), follows, accepted))

    def _counting(self, memory: Memory) -> str:
        """The newest commit that counted; if its signature counts no more, and it was not applied, what is in force."""
        if memory.head in ("", memory.in_force) or not self._untrusted(memory.head):
            return memory.head
        return memory.in_force

    def _untrusted(self, commit: str) -> str:
        """Why a commit's signature is refused; asked each time, as a key may be revoked while a commit waits."""
        try:
            self._folder.clone.refuse_unless_signed(commit, self._settings.signers)
        except UntrustedError as error:
            return str(error)
        return ""

    def _tried(self, commit: str, former: str) -> Round:
        """See to a commit; what forbids it is no outage."""
        try:
            return self._see_to(commit, former)
        except LockHeldError as error:
            return self._held(Hold.BUSY, f"commit {commit[:12]} waits: {line_of(error)}")
        except (RefusedError, ManifestError) as error:
            hold = Hold.REFUSED if isinstance(error, RefusedError) else Hold.BROKEN
            return self._held(hold, f"commit {commit[:12]} is refused: {line_of(error)}")

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
            self._telling.once("lead", f"leads target {target}")
            self.sight = replace(self.sight, leads=True)
        return other

    def _stand_by(self, other: str) -> Round:
        self.sight = replace(self.sight, leads=False)
        self._telling.once("lead", f"stands by: {other} leads")
        return Round(hold=Hold.STANDBY)

    def _reconcile(self, workspace: Workspace, commit: str, former: str) -> Round:
        """Apply a new commit of which nothing is known; of all others make a plan first, without a lock."""
        memory, runs = self._folder.kept.read(), workspace.store.runs(limit=_RUNS)
        facts = replace(self._facts(memory, commit), plan=memory.tried_plan)
        if commit != memory.in_force and not has_news(memory, runs, commit) and not deciding.is_forbidden(facts):
            return self._applied(workspace, commit, Decision(Do.APPLY))
        planned = pipeline.plan(workspace, self._wish(), Pace(self._settings.step_timeout_s))
        memory = learned(memory, runs, planned.plan, commit=commit, former=former)
        self._keep(memory)
        decision = self._decided(planned, memory, commit)
        self.sight = replace(self.sight, in_force=memory.in_force)
        if decision.do is Do.HOLD:
            return self._held(decision.hold, f"commit {commit[:12]} is held: {decision.why}")
        if decision.do is Do.REST:
            self._in_force(commit, planned.plan)
            return Round()
        return self._applied(workspace, commit, decision)

    def _facts(self, memory: Memory, commit: str) -> Facts:
        """What is known of a commit without a plan."""
        return Facts(
            commit,
            is_new=commit != memory.in_force,
            tried=memory.tried,
            tried_plan=memory.tried_plan,
            undone=memory.undone,
            closed=self._settings.windows.closed(datetime.fromtimestamp(self._world.now(), UTC)),
            suspended=str(self._folder.kept.suspension() or ""),
        )

    def _decided(self, planned: Planned, memory: Memory, commit: str) -> Decision:
        """What is done about a plan; what it tells of the target is to be seen."""
        plan, found = planned.plan, drifted(planned.drifts)
        self._telling.drift(found)
        self.sight = replace(self.sight, changes=len(plan.steps), drift=len(found))
        facts = replace(
            self._facts(memory, commit),
            is_new=(commit, plan.tree) != (memory.in_force, memory.in_force_tree),
            steps=[step.address for step in plan.steps],
            heals=[step.address for step in plan.steps if self._settings.self_heal.heals(step.address)],
            unsettled=bool(plan.recovery),
            holder="" if plan.holder is None else holder_text(plan.holder),
            plan=mark(plan),
        )
        return deciding.decide(facts)

    def _applied(self, workspace: Workspace, commit: str, decision: Decision) -> Round:
        """Apply, unless the plan under the lock is one that is to be held."""
        kept, held = self._folder.kept, list[Decision]()

        def confirm(planned: Planned) -> bool:
            found = self._decided(planned, kept.read(), commit)
            if found.do is Do.APPLY:
                line = f"commit {commit[:12]}: {summary(planned.plan)}"
                self._telling.say("plan", line, commit=commit, plan=planned.plan.digest)
                for warning in planned.warnings:
                    self._telling.say("warning", f"commit {commit[:12]}: {warning}", commit=commit)
                return True
            held.append(found)
            return False

        applied = pipeline.apply(workspace, self._wish(decision), self._manner(confirm))
        if applied.declined:
            return self._held(held[0].hold, f"commit {commit[:12]} is held: {held[0].why}")
        facts = {"commit": commit, "outcomes": outcomes_json(applied.outcomes, applied.planned.plan.keys)}
        kind = "applied" if applied.succeeded else "failed"
        if applied.outcomes:
            self._telling.say(kind, f"commit {commit[:12]}: {done(applied.outcomes)}", **facts)
        if not applied.succeeded:
            return self._not_applied(workspace, applied)
        if not decision.only:
            self.sight = replace(self.sight, changes=0, drift=0)
            self._in_force(commit, applied.planned.plan)
        return Round()

    def _manner(self, confirm: Callable[[Planned], bool]) -> Manner:
        """The manner of an apply, each step of which is a sign of life."""
        settings, given = self._settings, self._world.manner

        def watch(plan: Plan) -> Told:
            told = given.watch(plan)

            def start(step: Step) -> None:
                self.alive(settings.step_timeout_s)
                told.on_start(step)

            def outcome(found: Outcome) -> None:
                self.alive(settings.step_timeout_s)
                told.on_outcome(found)

            return Told(start, told.on_report, outcome)

        pace = Pace(settings.step_timeout_s)
        return replace(given, confirm=confirm, parallel=settings.parallel, pace=pace, command="watch", watch=watch)

    def _not_applied(self, workspace: Workspace, applied: Applied) -> Round:
        """An apply that was broken off goes on later, and one of unknown end too; one that failed had its try."""
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
            policies=self._settings.policies,
        )

    def _in_force(self, commit: str, plan: Plan) -> None:
        memory = self._folder.kept.read()
        if (memory.in_force, memory.in_force_tree) != (commit, plan.tree):
            self._keep(replace(memory, in_force=commit, in_force_tree=plan.tree, tried="", tried_plan=""))
            self._folder.clone.tidy()
        self._telling.once("in force", f"commit {commit[:12]} is in force", kind="in force", commit=commit)
        self.sight = replace(self.sight, in_force=commit, succeeded=self._world.now())

    def _keep(self, memory: Memory) -> None:
        if memory != self._folder.kept.read():
            self._folder.kept.keep(memory)

    def _held(self, hold: Hold | None, line: str, found: Round | None = None) -> Round:
        self._telling.once(f"held {hold}", line, hold=str(hold))
        return replace(found or Round(), hold=hold)

    def _failed(self, error: Exception) -> Round:
        outage = outage_of(error)
        self._failures += 1
        self._telling.once(f"outage {outage}", f"outage of {outage}: {line_of(error)}", outage=str(outage))
        self.sight = self.sight.failed(outage, self._world.now())
        return Round(outage=outage)

    def _recovered(self) -> None:
        """Tell of the first good round behind outages."""
        self._failures = 0
        for outage in Outage:
            if self._telling.over(f"outage {outage}"):
                self._telling.say("recovered", f"{outage} answers again", outage=str(outage))
        self.sight = replace(self.sight, failing_since=0.0)


def _stays(chosen: Chosen, head: str, in_force: str) -> str:
    """What counts in place of a refused commit; it may not be in force yet, as it waits for a window."""
    if chosen.commit == head:
        return "and stays in force, as it was applied before"
    return f"{chosen.commit[:12]} {'stays in force' if chosen.commit == in_force else 'counts in its place'}"
