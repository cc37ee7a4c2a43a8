"""The model's world: files, platform and record, the runs of the real pipeline between them, and who watches."""

import importlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from reconciler import pipeline, wanted
from reconciler.apply import Pace, Watcher
from reconciler.core.plan import Plan
from reconciler.errors import LockHeldError, ManifestError, RefusedError, StateError
from reconciler.load import Loaded, Options, load_all
from reconciler.load.settings.config import Config, Target
from reconciler.pipeline import Applied, Manner, Wish
from reconciler.workspace import Workspace
from tests.faults.model import outputs
from tests.faults.model.client import Client
from tests.faults.model.cloud import Cloud, Effect
from tests.faults.model.course import Act, Circumstances, Clock, Course
from tests.faults.model.desired import CANARY, Desired, Folder
from tests.faults.model.invariants import OF_EFFECTS, BrokenError, Promise, Run, Writers
from tests.faults.model.process import Killed, Process, Turns
from tests.faults.model.records import TARGET, InMemory, Recorded, Records

_LOADED: dict[str, Loaded] = {}

# The package has a function of the name of the module.
_WALKING = importlib.import_module("reconciler.apply.apply")


class World:
    """Everything that outlives a run.

    Args:
        folder: where files are.
        records: of the record.
        looked_for: the promises whose breach is an error; None for all.
    """

    def __init__(
        self, folder: Path, records: Callable[[Path], Records] = InMemory, looked_for: Iterable[Promise] | None = None
    ) -> None:
        self.folder = Folder(folder / "manifests")
        self.records = records(folder)
        self.cloud = Cloud(self._witnessed)
        self.desired = Desired()
        self.runs: dict[int, Run] = {}
        self.writers = Writers()
        self.meddled = self.older = False
        self.backup: Callable[[], None] | None = None
        self.clock = Clock()
        self.broken: list[BrokenError] = []
        self._looked_for = frozenset(looked_for) if looked_for is not None else frozenset(Promise)
        self._config = Config(folder, str(folder / "manifests"), {TARGET: Target(TARGET, "memory", default=True)}, "")

    def tell(self, promise: Promise, found: Iterable[str]) -> None:
        """Keep what is broken: an error raised within a call would become an outcome."""
        if promise in self._looked_for:
            self.broken += [BrokenError(promise, said) for said in found]

    def verify(self) -> None:
        """Raise the first breach of a promise."""
        self._reported()
        if self.broken:
            raise self.broken[0]

    def apply(self, course: Course) -> object:
        """Apply what is wanted; gives what came of it."""
        self.folder.say(self.desired)
        wish = Wish((str(self.folder.path),), refresh=course.refresh, max_delete=course.max_delete)
        return self.run(course, lambda workspace, manner: pipeline.apply(workspace, wish, manner))

    def run(self, course: Course, command: Callable[[Workspace, Manner], Any], *, whole: bool = True) -> object:
        """Have a process of its own run a command, and look at what it did and said.

        Args:
            whole: whether all is as wanted once it has succeeded.
        """
        run, foreign, locked = self._begun(course, whole=whole), self._foreign(), self.writers.holder
        process = Process(run.number, self._acts(course), course.faults)
        try:
            with self.opened(process, run, course) as (workspace, manner):
                ended: object = command(workspace, manner)
        except (Exception, Killed) as error:  # noqa: BLE001 - every error is judged
            ended = error
        self._say(ended, run)
        circumstances = Circumstances(course, self.desired, bool(foreign), bool(locked), self.older, whole)
        self._judge(ended, run, circumstances)
        return ended

    @contextmanager
    def opened(self, process: Process, run: Run, course: Course) -> Iterator[tuple[Workspace, Manner]]:
        """The target as a process has it, and how it goes about an apply."""
        turns = Turns(random.Random(course.turns).randrange)

        def hang() -> None:
            turns.lost = True

        def wrote(name: str, *args: Any, **options: Any) -> None:
            self.tell(Promise.I6, list(self.writers.wrote(run.number, name, *args, **options)))

        def watch(made: Plan) -> Watcher:
            run.plan = made
            return Watcher(on_outcome=run.told)

        with closing(self.records.open()) as store, self._surrounded(turns):
            client = Client(self.cloud, process, hang)
            recorded = Recorded(store, process.point, wrote)
            workspace = Workspace(self._config, self._config.target(TARGET), recorded, client)  # type: ignore[arg-type]
            pace = Pace(clock=turns.clock, wait=turns.wait, dice=lambda: 0.0)
            yield workspace, Manner(parallel=course.parallel, watch=watch, pace=pace)

    def settled(self) -> Iterator[str]:
        """What is not as it should be once all is done: the record, the live side, the next plan."""
        with closing(self.records.open()) as store, self._read():
            workspace = Workspace(self._config, self._config.target(TARGET), store, self.cloud)
            yield from self._unequal(workspace)
            try:
                planned = pipeline.plan(workspace, Wish((str(self.folder.path),)))
            except RefusedError as error:
                yield f"the next plan is refused: {error}"
                return
            yield from (f"the next plan is not empty: {s.action} {s.address} ({s.reason})" for s in planned.plan.steps)
            yield from (f"{item.address} is still to be recovered" for item in planned.plan.recovery)

    def lineage(self) -> str:
        """The identity of the record."""
        with closing(self.records.open()) as store:
            return store.read().lineage

    @contextmanager
    def _surrounded(self, turns: Turns) -> Iterator[None]:
        """Threads take turns, and the clock is the model's."""
        journal = "reconciler.record.stamps.datetime"
        walking = mock.patch.multiple(_WALKING, threading=turns, queue=turns, Crew=turns.Crew)
        with walking, mock.patch(journal, self.clock), self._read():
            yield

    @contextmanager
    def _read(self) -> Iterator[None]:
        """Files that say what some have said before are not read again: that is most of what a run costs."""
        said = repr(self.desired)

        def load(paths: Sequence[str], options: Options, meanwhile: Callable[[], None] | None) -> Loaded:
            if said not in _LOADED:
                _LOADED[said] = load_all(paths, options, meanwhile)
            return _LOADED[said]

        with mock.patch.object(wanted, "load_all", load):
            yield

    def _begun(self, course: Course, *, whole: bool) -> Run:
        with closing(self.records.open()) as store:
            recorded = len(store.read().entries)
        budget = course.max_delete if course.max_delete is not None else max(5, recorded // 5)
        run = Run(len(self.runs) + 1, budget=budget if whole else None)
        self.runs[run.number] = run
        return run

    def _acts(self, course: Course) -> Mapping[int, Callable[[Process], None]]:
        def act_of(act: Act) -> Callable[[Process], None]:
            return lambda process: process.kill() if act is killed else act(self)

        return {point: act_of(act) for point, act in course.at.items()}

    def _foreign(self) -> list[str]:
        lineage = self.lineage()
        return [str(address) for address, live in self.cloud.world().items() if live.lineage != lineage]

    def _witnessed(self, effect: Effect) -> None:
        run = self.runs[effect.writer]
        for check, promise in OF_EFFECTS.items():
            self.tell(promise, check(run, effect))
        self.tell(Promise.I6, self.writers.did(effect))
        run.effects.append(effect)

    def _say(self, ended: object, run: Run) -> None:
        """I5: look for the canary in all that a run may print, and in what it has written down."""
        printed = (f"it was printed: {text[:200]}" for text in outputs.of_run(ended, run.outcomes) if CANARY in text)
        self.tell(Promise.I5, printed)
        self.tell(Promise.I5, self._kept_secrets())

    def _kept_secrets(self) -> Iterator[str]:
        with closing(self.records.open()) as store:
            entries = [entry.spec for entry in store.read().entries.values()]
            intents = [row.intent for run in store.runs(limit=1) for row in store.operations(run.id)]
        for spec in (*entries, *(i.before for i in intents), *(i.after for i in intents)):
            yield from (f"the record knows it: {path}" for path in outputs.known_secrets(spec))

    def _judge(self, ended: object, run: Run, then: Circumstances) -> None:
        if not isinstance(ended, (Killed, StateError, LockHeldError)):
            self.writers.settled.add(run.number)
        if isinstance(ended, (ManifestError, RefusedError, LockHeldError)):
            self.tell(Promise.GUARDED, (f"a refused run did {e.step.action} {e.step.address}" for e in run.effects))
        self.tell(Promise.SETTLED, then.unexpected(ended))
        if then.whole and isinstance(ended, Applied) and ended.succeeded and not then.course.at:
            self.meddled = self.older = False
            self.tell(Promise.SETTLED, self.settled())
        elif "cut" in then.course.faults.values():
            self.meddled = True

    def _reported(self) -> None:
        with closing(self.records.open()) as store:
            workspace = Workspace(self._config, self._config.target(TARGET), store, self.cloud)
            state = store.read()
            drifts = pipeline.drift(workspace).drifts
            under_way = {intent.address for intent in store.unfinished()}
            told = {drift.address for drift in drifts} | under_way
            owned = {a for a in state.entries if a in self.cloud.world()}
            lost = self.cloud.world().keys() - told - owned
            self.tell(Promise.I8, (f"{address} is live, in no record, and not reported" for address in sorted(lost)))
            self.tell(Promise.I5, (f"it was printed: {t[:200]}" for t in outputs.of_drifts(drifts) if CANARY in t))
            if not self.meddled:
                self.tell(Promise.SETTLED, self._unequal(workspace))

    def _unequal(self, workspace: Workspace) -> Iterator[str]:
        """Where the record is not as live, operations under way aside."""
        state, live = workspace.store.read(), self.cloud.world()
        under_way = {intent.address for intent in workspace.store.unfinished()}
        ours = {address for address, item in live.items() if item.lineage == state.lineage}
        for address in sorted((state.entries.keys() | ours) - under_way):
            entry, item = state.entries.get(address), live.get(address)
            if entry is None or item is None or address not in ours:
                yield f"{address} is {'live' if item else 'recorded'} and not {'recorded' if item else 'live'}"
            elif unlike := [name for name in entry.spec if item.spec.get(name) != entry.spec[name]]:
                yield f"{address} is recorded with another {', '.join(sorted(unlike))} than is live"


def killed(_world: World) -> None:
    """What happens at a point: the process is killed."""
