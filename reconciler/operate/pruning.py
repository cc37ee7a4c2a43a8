"""Runs of long ago are forgotten, and content is removed that nothing kept names any more."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.apply import utc_now
from reconciler.core.contents import contents_of
from reconciler.errors import LockHeldError, MlopsError, StateError
from reconciler.load.repository.private import refuse_tracked
from reconciler.load.settings.config import Config, Target, read_config
from reconciler.operate.history import changed_something
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.local.models import remove_models
from reconciler.record.assets import remove_content, stored_contents, sweep
from reconciler.record.opening import open_store
from reconciler.record.store import Record, Run, Store
from reconciler.workspace import PRIVATE, holder, line_of

COMMAND = "mlops history prune"


@dataclass(frozen=True)
class Keep:
    """What is kept.

    Args:
        runs: how many of the newest, whatever their age.
        span_s: all that began within so many seconds; None for no matter when.
    """

    runs: int = 0
    span_s: float | None = None


@dataclass(frozen=True)
class Pruning:
    """What is to be forgotten, and removed.

    Args:
        runs: oldest first.
        kept: how many runs stay.
        contents: by digest, the bytes of what nothing kept names.
        left: why no content is removed; empty where it may be.
        elsewhere: the stores that keep it besides, which is left alone: records not seen here may name it.
    """

    runs: tuple[Run, ...]
    kept: int
    contents: Mapping[str, int] = field(default_factory=dict)
    left: str = ""
    elsewhere: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """How much is freed."""
        return sum(self.contents.values())


def prune(
    target: str | None,
    keep: Keep,
    confirm: Callable[[Pruning], bool] = lambda _: True,
    *,
    dry_run: bool = False,
    lock_timeout_s: float = 0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Pruning, bool]:
    """Forget runs of a target, and remove content that no record of any target names.

    The run lock of every target of `mlops.yaml` is held for that, since all share the content. Runs are forgotten
    first: one that is killed behind that has left content that the next one removes.

    Args:
        target: whose runs.
        keep: what stays.
        confirm: asked before anything is forgotten; False leaves everything as it is.
        dry_run: change nothing, and ask nobody.
        lock_timeout_s: how long to wait for another run of the target to end.
        now: the time.

    Returns:
        What it comes to, and whether it was wanted.

    Raises:
        LockHeldError: another run holds the target.
        RefusedError: the record or the content came with the repository, which a link may have anywhere.
    """
    config = read_config(Path.cwd())
    refuse_tracked(str(config.root))
    chosen = config.target(target)
    with ExitStack() as stack:
        store = _opened(config, chosen, chosen.name, stack)
        if not dry_run:
            stack.enter_context(store.lock(holder(COMMAND, utc_now()), timeout_s=lock_timeout_s))
        runs = forgettable(store, keep, now())
        others, left = _others(config, chosen, stack, locked=not dry_run)
        left = left or _queued(config)
        contents = {} if left else _unnamed(config, store, runs, others)
        elsewhere = tuple(sorted({target.assets for target in config.targets.values()} - {""})) if contents else ()
        pruning = Pruning(runs, len(store.runs(limit=_ALL)) - len(runs), contents, left, elsewhere)
        if dry_run or not (pruning.runs or pruning.contents):
            return pruning, True
        if not confirm(pruning):
            return pruning, False
        if runs:
            store.forget([run.id for run in runs])
        if pruning.contents and (joined := _queued(config)):
            # While it was asked, or forgotten; that operation may have found its content laid down already.
            pruning = replace(pruning, contents={}, left=joined)
        if not pruning.left:
            _free(_assets(config), pruning.contents)
    return pruning, True


def forgettable(store: Store, keep: Keep, now: datetime) -> tuple[Run, ...]:
    """The oldest runs up to the first that stays, so that what is kept has no gaps; oldest first.

    One stays that has an operation without an end, and so do the last one that changed something and all since: that is
    what the present state is of, and what a rollback undoes.
    """
    runs = store.runs(limit=_ALL)
    last = next((place for place, run in enumerate(runs) if changed_something(store, run)), len(runs))
    unfinished = {intent.run for intent in store.unfinished()}
    before = "" if keep.span_s is None else (now - timedelta(seconds=keep.span_s)).isoformat(timespec="milliseconds")
    found = []
    for run in reversed(runs[max(keep.runs, last + 1) :]):
        if run.id in unfinished or (before and run.started >= before):
            break
        found.append(run)
    return tuple(found)


_ALL = 1 << 62


def _others(config: Config, chosen: Target, stack: ExitStack, *, locked: bool) -> tuple[list[Record], str]:
    """The records of all other targets that may name content of this folder, or why one of them cannot be read."""
    found = []
    for each in sorted(config.targets.values(), key=lambda each: each.name):
        for name in _recorded_beside(config, each):
            if name == chosen.name and each.state == chosen.state:
                continue
            try:
                other = _opened(config, each, name, stack)
                if locked:
                    stack.enter_context(other.lock(holder(COMMAND, utc_now()), timeout_s=0))
                found.append(other.dump())
            except (StateError, LockHeldError) as error:
                return [], f"the record of target {name} cannot be looked at: {error}"
    return found, ""


def _queued(config: Config) -> str:
    """Why content has to stay that an operation may need which nobody waits for; empty where none is queued."""
    busy = [name for name, target in sorted(config.targets.items()) if line_of(config, target).ahead()]
    return f"an operation of target {busy[0]} is queued, and may name what no record does" if busy else ""


def _recorded_beside(config: Config, target: Target) -> Iterator[str]:
    """The target's own name, and those that are recorded in the same place and no longer in `mlops.yaml`."""
    yield target.name
    with ExitStack() as stack:
        names = _opened(config, target, target.name, stack).neighbours()
    first = min(each.name for each in config.targets.values() if each.state == target.state)
    yield from (name for name in names if name not in config.targets and target.name == first)


def _opened(config: Config, target: Target, name: str, stack: ExitStack) -> Store:
    store = open_store(target.state, root=config.root, target=name)
    stack.callback(store.close)
    return store


def _unnamed(config: Config, store: Store, going: Sequence[Run], others: Sequence[Record]) -> dict[str, int]:
    """The content that nothing names which stays: no record's present or past, no object of a target's own files."""
    named = set(_live_contents(config))
    named.update(_named(store.dump(), {run.id for run in going}))
    for record in others:
        named.update(_named(record, ()))
    stored = stored_contents(_assets(config))
    return {digest: size for digest, size in stored.items() if digest not in named}


def _named(record: Record, going: Collection[str]) -> Iterator[str]:
    for entry in record.state.entries.values():
        yield from contents_of(entry.spec)
    for item in record.operations:
        if item.intent.run not in going:
            yield from contents_of([item.intent.before, item.intent.after])
    for run_id, inverse in record.inverses.items():
        if run_id not in going:
            yield from contents_of(list(inverse.specs.values()))


def _live_contents(config: Config) -> Iterator[str]:
    """What is served, also where its record was lost."""
    for folder in (config.root / PRIVATE).glob("*/*/objects"):
        for item in Objects(folder.parent).all():
            yield from contents_of(item.spec)


def _assets(config: Config) -> Path:
    return config.root / PRIVATE / "assets"


def _free(folder: Path, contents: Collection[str]) -> None:
    try:
        for digest in contents:
            remove_models(folder.parent, digest)
            remove_content(folder, digest)
        sweep(folder)
    except OSError as error:
        raise MlopsError(
            f"{folder}: content cannot be removed: {error}; the runs are forgotten, run this again"
        ) from error
