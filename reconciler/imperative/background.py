"""`--no-wait`, as its worker has it: the command goes on once it is known not to be refused, and others are told.

The worker runs the very same command. It reads the files, makes the plan and lays down the content before anybody is
told that it is accepted, so that whoever asked may change or remove them; at its turn it plans anew from what it read.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from reconciler.apply import Watcher
from reconciler.attending import COMMAND as ATTENDANT
from reconciler.core.address import Address
from reconciler.core.plan import Outcome, Result, Step
from reconciler.errors import MlopsError, StateError
from reconciler.imperative.standing import state_of
from reconciler.kinds import KINDS
from reconciler.load import Loaded
from reconciler.load.overrides import address_of
from reconciler.record.tickets import Aim, Held
from reconciler.record.under_way import unfinished
from reconciler.render.text import failure_lines
from reconciler.wanted import accepted, loaded_of
from reconciler.wishes import Planned, Wish
from reconciler.workspace import Workspace, holder

PATIENCE_S = 86_400.0
"""How long a worker waits for its turn."""


class Errand:
    """What a command is doing, as others are told of it: by a ticket where nobody waits for it.

    Args:
        command: such as `online-endpoint create`.
        confirm: asked about the plan; a worker, whom nobody answers, is refused where there is something to ask.
        apart: whether this is a worker.
    """

    def __init__(self, command: str, confirm: Callable[[Planned], bool], *, apart: bool) -> None:
        self._command, self._confirm, self._apart = command, confirm, apart
        self._meant: set[Address] = set()
        self._workspace: Workspace | None = None
        self._held: Held | None = None
        self._failed: list[str] = []
        self._broken: dict[Address, Aim] = {}

    def accept(
        self, workspace: Workspace, wish: Wish, plan: Callable[[Wish], Planned], *, deletes: bool = False
    ) -> Wish:
        """Read everything that is wanted; as a worker, hold it against things as they are, and join the line."""
        wish = replace(wish, read=loaded_of(workspace, wish))
        self._workspace = workspace
        self._meant |= _meant(wish)
        if self._apart and self._held is None:
            self._join(workspace, self._aims(workspace, wish, plan, deletes=deletes), wish.read)
        return wish

    def watched(self, watcher: Watcher) -> Watcher:
        """A watcher that also remembers what failed."""

        def on_outcome(outcome: Outcome) -> None:
            self._failed.extend(failure_lines(outcome))
            if outcome.result is Result.FAILED and outcome.step.address.family:
                self._broken[outcome.step.address] = Aim(state_of(outcome.step.action), outcome.step.after or {})
            watcher.on_outcome(outcome)

        return replace(watcher, on_outcome=on_outcome)

    def done(self) -> None:
        """It ended well: nothing is left to be told."""
        if self._held:
            self._held.done()
        if self._workspace:
            self._workspace.line.forget(self._meant)

    def failed(self, error: BaseException) -> None:
        """It did not end well, which whoever asks later is told, as of a step that failed while somebody waited."""
        why = "\n".join(self._failed) or str(error) or type(error).__name__
        if self._held:
            self._held.fail(why)
        elif self._broken and self._workspace:
            with suppress(OSError, StateError):  # the failure itself is told
                self._workspace.line.join(self._facts(self._workspace), self._broken).fail(why)

    def _aims(
        self, workspace: Workspace, wish: Wish, plan: Callable[[Wish], Planned], *, deletes: bool
    ) -> dict[Address, Aim]:
        """What is to become of which resource.

        Raises:
            MlopsError: it is refused; but what hangs on an operation that is still under way shows at its turn alone.
        """
        rough, problems = self._rough_aims(workspace, deletes=deletes), wish.read.problems if wish.read else ()
        busy = _is_busy(workspace, {each.family for each in self._meant})
        try:
            planned = plan(wish)
        except MlopsError:
            if not busy:
                raise
            accepted(problems)
            return rough
        self._confirm(planned)
        return {**(rough if busy else {}), **_planned_aims(planned.plan.steps)}

    def _rough_aims(self, workspace: Workspace, *, deletes: bool) -> dict[Address, Aim]:
        """What is to become of what was asked for, where no plan tells more."""
        recorded = workspace.store.read().entries
        made = {each: "Updating" if each in recorded else "Creating" for each in self._meant}
        return {each: Aim("Deleting" if deletes else state) for each, state in made.items()}

    def _join(self, workspace: Workspace, aims: Mapping[Address, Aim], read: Loaded | None) -> None:
        """Take a ticket, keep the content, and tell that it is accepted; by the ticket `history prune` spares that."""
        self._held = workspace.line.join(self._facts(workspace), aims)
        workspace.turn = self._held.ticket.file.name
        try:
            _lay_down(workspace, read)
            _let_go(self._held.ticket.log)
        except BaseException:
            self._held.done()
            raise

    def _facts(self, workspace: Workspace) -> Mapping[str, str | int]:
        who = holder(f"mlops {self._command}", workspace.now())
        return {name: value for name, value in who.items() if name != "id"}


def _planned_aims(steps: Iterable[Step]) -> dict[Address, Aim]:
    """By address what a plan makes of it; its state is that of its first step."""
    aims: dict[Address, Aim] = {}
    for step in steps:
        state = aims[step.address].state if step.address in aims else state_of(step.action)
        aims[step.address] = Aim(state, step.after or {})
    return aims


def _meant(wish: Wish) -> set[Address]:
    """The endpoints and deployments that a wish is about."""
    valid = [each for each in wish.read.manifests if each.valid] if wish.read else []
    named = (address_of(each.kind, each.document).lower() for each in valid if not KINDS[each.kind].versioned)
    found = {*map(Address.parse, named), *wish.only, *(each.address for each in wish.amendments)}
    return {each for each in found if each.family}


def _is_busy(workspace: Workspace, families: set[str]) -> bool:
    """Whether something is under way, or was cut off, that may yet make or remove what these endpoints need."""
    intents, who = unfinished(workspace.store)
    waiting = (address for ticket in workspace.line.ahead() for address in ticket.aims)
    if any(each.family in families for each in (*waiting, *(intent.address for intent in intents))):
        return True
    return who is not None and who.get("command") != ATTENDANT


def _lay_down(workspace: Workspace, read: Loaded | None) -> None:
    """Keep the content, as it is now, where its turn finds it."""
    for manifest in read.manifests if read else ():
        for content in manifest.contents.values():
            if content.location.name:
                workspace.assets.path(content.digest)


def _let_go(log: Path) -> None:
    """Tell who waits that it is accepted, and from now on say everything into a log of our own.

    Raises:
        OSError: the log cannot be written; or nobody waits any more, so that nobody would know.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    os.write(1, f"{log}\n".encode())
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
