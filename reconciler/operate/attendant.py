"""The attendant: what goes on at a target between two applies.

It scales, moves traffic, keeps what error budgets are counted from, and answers Prometheus. It works from what was
applied, which the record and the provider tell, and reads mlops.yaml only to find them, and for what is promised.

An act is done under the target's lock or not at all in this round, so it never meets an apply. Instances may take long
to be ready, and traffic is led back meanwhile all the same: scaling goes on beside the rounds.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.apply import utc_now
from reconciler.attending import COMMAND, needs_attendance
from reconciler.core.state import Live
from reconciler.errors import LockHeldError, MlopsError
from reconciler.load.disk.roots import CONFIG
from reconciler.operate.acting import Acting
from reconciler.operate.autoscale import Decision
from reconciler.operate.ledger import Ledger, ledger_file
from reconciler.operate.rollouts import Rollouts
from reconciler.operate.scaling import Scaling
from reconciler.operate.slo import promises
from reconciler.operate.traffic import TABLE, Request, Tail
from reconciler.providers.provider import Attended, TableSource
from reconciler.workspace import PRIVATE, Workspace, holder, open_workspace

if TYPE_CHECKING:
    from reconciler.operate.prometheus import Prometheus

# How often it is looked for new policies and roll-outs.
LOOK_S = 1.0
SHORTEST_S = 0.02
# How often it is looked whether what is under way has ended.
_UNDER_WAY_S = 0.2
# As many deployments are scaled at once as an apply would.
_SCALINGS = 4

Opening = AbstractContextManager[Workspace]


class Attendant:
    """Looks after one target, round by round.

    Args:
        root: the folder of mlops.yaml.
        target: the target's name.
        say: takes one line for every decision, and for every error that was not said last.
        opened: opens the target.
        executor: scales.
    """

    def __init__(
        self,
        root: Path,
        target: str,
        *,
        say: Callable[[str], None],
        opened: Callable[[Path, str], Opening] = lambda root, target: open_workspace(target, start=root),
        executor: Executor | None = None,
    ) -> None:
        self._root, self._target, self._opened = root, target, opened
        self._said, self._tell = "", say
        self._opening = ExitStack()
        self._workspace: Workspace | None = None
        self._config: tuple[int, int] | None = None
        self._tail: Tail | None = None
        self._prometheus: Prometheus | None = None
        self._port: int | None = None
        self._looked = -LOOK_S
        self._rollouts = Rollouts(self._say)
        self._scaling = Scaling(root / PRIVATE / "attendant" / f"{target}.json", self._say)
        self._ledger = Ledger(ledger_file(root, target))
        self._acting = Acting(executor or ThreadPoolExecutor(_SCALINGS, thread_name_prefix="scaling"))

    def round(self, now: float, *, moment: float) -> float:
        """Do what is due, and tell for how many seconds nothing is.

        What cannot be done now is said and tried again later: a platform that does not answer, a file that is wrong.

        Args:
            now: seconds since the epoch.
            moment: seconds of a clock that nobody sets.
        """
        try:
            self._acting.settle(now)
            workspace = self._current()
            if moment - self._looked >= LOOK_S:
                self._looked = moment
                self._look(workspace)
            self._do(workspace, now)
        except (MlopsError, OSError) as error:
            self._complain(str(error))
            return LOOK_S
        most = _UNDER_WAY_S if self._acting.busy else LOOK_S
        return max(SHORTEST_S, self._rollouts.pause(self._scaling.pause(now, most)))

    def close(self) -> None:
        """Let go of the target, once what is under way has ended."""
        self._acting.close()
        if self._prometheus:
            self._prometheus.close()
            self._prometheus, self._port = None, None
        self._opening.close()
        self._workspace = None

    def _current(self) -> Workspace:
        """The target, opened anew where mlops.yaml changed; while that is wrong, or it is acted on, as it was last."""
        config = _stamp(self._root / CONFIG)
        if self._workspace is not None and (config == self._config or self._acting.busy):
            return self._workspace
        self._config = config
        if self._workspace is not None and config is None:
            self._complain(f"goes on as before: {self._root / CONFIG} is gone")
            return self._workspace
        opening = ExitStack()
        try:
            fresh = opening.enter_context(self._opened(self._root, self._target))
        except MlopsError as error:
            if self._workspace is None:
                raise
            self._complain(f"goes on as before: {error}")
            return self._workspace
        self._opening.close()
        self._opening, self._workspace, self._tail = opening, fresh, None
        self._say(f"looks after target {self._target} of {self._root}")
        return fresh

    def _look(self, workspace: Workspace) -> None:
        """See what there is to look after; without anything the attendant has itself ended."""
        self._rollouts.watch(workspace)
        entries = workspace.store.read().entries
        self._scaling.watch({address: entry.spec for address, entry in entries.items()})
        self._listen(workspace)
        if not needs_attendance(workspace) and not self._acting.busy:
            with self._alone(workspace):
                if isinstance(workspace.provider, Attended) and not needs_attendance(workspace):
                    self._say("nothing is left to look after")
                    workspace.provider.unattend()

    def _listen(self, workspace: Workspace) -> None:
        """Answer Prometheus where the target says so."""
        port = workspace.provider.metrics_port if isinstance(workspace.provider, Attended) else None
        if port == self._port:
            return
        if self._prometheus:
            self._prometheus.close()
            self._prometheus = None
            self._port = None
        if port:
            from reconciler.operate.prometheus import Prometheus  # noqa: PLC0415 - 2 MB that few targets need

            try:
                self._prometheus = Prometheus(port, self._current_or_last)
            except OSError as error:  # All else goes on, and the next look tries again.
                self._complain(f"metrics: port: {port} of 127.0.0.1 cannot be had: {error.strerror}")
                return
        self._port = port

    def _current_or_last(self) -> Workspace:
        if self._workspace is None:
            raise MlopsError("the target is not open yet")
        return self._workspace

    def _do(self, workspace: Workspace, now: float) -> None:
        fresh = self._fresh(workspace)
        self._scaling.take(fresh)
        if self._prometheus:
            self._prometheus.count(fresh)
        self._try(self._write_minutes, workspace, now)
        moves = self._rollouts.due(workspace, fresh, now)
        scalings = list(self._scaling.due(workspace, now))
        if self._acting.busy:
            scalings = []  # An apply that waits has its turn between two of them.
        if not moves and not scalings:
            return
        with suppress(LockHeldError), self._alone(workspace):
            for address, rollout in moves:
                self._try(self._rollouts.act, workspace, address, rollout)
            for live, decision in scalings:
                self._acting.begin(partial(self._scaling.act, workspace, live, decision), self._scaled(live, decision))
        self._acting.settle(now)

    def _scaled(self, live: Live, decision: Decision) -> Callable[[Future[bool], float], None]:
        """What is to be done once a deployment was scaled."""

        def settle(ended: Future[bool], now: float) -> None:
            try:
                if ended.result():
                    self._scaling.acted(live, decision, now)
            except (MlopsError, OSError) as error:
                self._scaling.failed(live, now)
                self._complain(str(error))

        return settle

    def _write_minutes(self, workspace: Workspace, now: float) -> None:
        """Keep what the target's promises are counted from."""
        if isinstance(workspace.provider, TableSource):
            log = workspace.provider.tables().get(TABLE, ())
            self._ledger.write(log, promises(workspace.target.policies), now)

    def _try(self, act: Callable[..., None], *arguments: object) -> None:
        """Act; what fails is said, and the other acts are done all the same."""
        try:
            act(*arguments)
        except (MlopsError, OSError) as error:
            self._complain(str(error))

    def _fresh(self, workspace: Workspace) -> list[Request]:
        """The requests that ended since the last round, as long as anybody asks for them."""
        provider = workspace.provider
        wanted = self._rollouts.watches or self._scaling.watches or self._prometheus
        if not wanted or not isinstance(provider, TableSource):
            self._tail = None
            return []
        if self._tail is None:
            self._tail = Tail(lambda: provider.tables().get(TABLE, ()))
            return []
        return self._tail.more()

    def _alone(self, workspace: Workspace) -> AbstractContextManager[None]:
        return self._acting.alone(lambda: workspace.store.lock(holder(COMMAND, utc_now()), timeout_s=0))

    def _say(self, line: str) -> None:
        self._said = ""
        self._tell(line)

    def _complain(self, message: str) -> None:
        if message != self._said:
            self._tell(message)
            self._said = message


def attend(
    root: Path,
    target: str,
    *,
    say: Callable[[str], None],
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Look after a target until the process is ended, or its folder is removed; one that is moved is still there."""
    attendant = Attendant(root, target, say=say)
    folder = os.open(root, os.O_RDONLY)
    try:
        while os.fstat(folder).st_nlink:
            sleep(attendant.round(now(), moment=clock()))
        say(f"ends: {root} is gone")
    finally:
        os.close(folder)
        attendant.close()


def _stamp(file: Path) -> tuple[int, int] | None:
    """What tells that a file was written anew; None where there is none."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size
