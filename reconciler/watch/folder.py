"""The folder that a watcher works in: locked against another one, its clone, its memory, and the target it opens."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.apply import utc_now
from reconciler.core.holder import holder_text
from reconciler.errors import LockHeldError, MlopsError, RefusedError
from reconciler.load.repository.git import Unanswered
from reconciler.load.repository.remote import Remote
from reconciler.load.settings.config import Config, Target, read_config
from reconciler.record.lock import LockFile, file_holder
from reconciler.record.store import Store
from reconciler.watch.clone import Clone, GitOutageError, refuse_others
from reconciler.watch.kept import Kept
from reconciler.watch.settings import Settings
from reconciler.workspace import Workspace, holder, open_record, open_workspace

COMMAND = "mlops watch"


class Folder:
    """One folder for one branch.

    Args:
        place: absolute.
        remote: the branch.
        settings: of the operator.

    Raises:
        RefusedError: it holds somebody's work, or follows another remote.
    """

    def __init__(self, place: Path, remote: Remote, settings: Settings) -> None:
        self.place, self._remote, self._settings = place, remote, settings
        self.kept = Kept(place)
        refuse_others(place, self.kept, remote)
        self.kept.make()
        self._lock: LockFile | None = None
        self._clone: Clone | None = None

    def take(self) -> str:
        """Be the one that works here, or go on to be; else say who is."""
        if self._lock and self._lock.is_in_place():
            return ""
        lock = LockFile(self.kept.lock)
        if not lock.take():
            return holder_text(file_holder(self.kept.lock) or {})
        lock.write(json.dumps(dict(holder(COMMAND, utc_now()))) + "\n")
        self._lock = lock
        self._clone = Clone(self.place, self._remote, self.kept, held=lock.descriptor)
        return ""

    @property
    def clone(self) -> Clone:
        """The clone; only for whoever works here."""
        if self._clone is None:
            raise RefusedError(f"{self.place} is another watcher's")
        return self._clone

    def lay_out(self, commit: str) -> None:
        """Have the folder hold the commit; while a person's run reads other files there, they stay.

        Raises:
            LockHeldError: a run holds the target.
            GitOutageError: it cannot be done.
        """
        if self.clone.laid in ("", commit):
            self.clone.lay_out(commit)
            return
        with contextlib.ExitStack() as stack:
            try:
                _, store = stack.enter_context(self._record())
                stack.enter_context(store.lock(holder(COMMAND, utc_now()), timeout_s=0))
            except LockHeldError:
                raise
            except MlopsError:
                pass  # where no record can be opened, no run can go on either
            self.clone.lay_out(commit)

    def refuse_strangers(self, config: Config) -> None:
        """Apply nothing that is of no commit.

        Raises:
            RefusedError: there are such files among the manifests.
        """
        try:
            found = self.clone.strangers(config.manifests)
        except Unanswered as error:
            raise GitOutageError(f"git cannot list the files: {error}") from error
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise RefusedError(f"{found[0]}{more} in {self.place}: of no commit, so nothing is applied; move it away")

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        """The target, under the operator's guards and in the folder.

        Raises:
            MlopsError: it cannot be opened.
        """
        with contextlib.chdir(self.place):
            config = self._config()
            self.refuse_strangers(config)
            with open_workspace(self._settings.target, config=config) as workspace:
                workspace.target = _guarded(workspace.target, workspace.store, self._settings)
                yield workspace

    def close(self) -> None:
        """Let another watcher work here."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _config(self) -> Config:
        return read_config(self.place, file=Path(self._settings.config) if self._settings.config else None)

    @contextmanager
    def _record(self) -> Iterator[tuple[str, Store]]:
        with open_record(self._settings.target, config=self._config()) as found:
            yield found


def _guarded(target: Target, store: Store, settings: Settings) -> Target:
    """A target under the guards of the operator: those of the repository count where they are stricter."""
    most, pushed = settings.max_delete, target.max_delete
    if settings.config and most is None:
        most = target.max_delete
    elif not settings.config and pushed is not None:
        most = min(pushed, max(5, len(store.read().entries) // 5) if most is None else most)
    return replace(target, max_delete=most, protect=(*target.protect, *settings.protect))
