"""Faults that are planted into the product from outside, each for as long as its context lasts."""

import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from reconciler import comparing, drifting, executing, guarding, staging
from reconciler.apply.journal import Journal
from reconciler.core.plan import Operation, Outcome, Plan, Result, Step
from reconciler.core.secret import Secret
from reconciler.core.state import Entry, State
from reconciler.order import split
from reconciler.providers.hosting.waves import Wave
from reconciler.record.memory import MemoryStore
from reconciler.render.values import Veil
from reconciler.resolve import normalise
from tests.faults.model.world import World

Patch = Callable[[World], AbstractContextManager[Any]]

# The package has functions of the names of these modules.
_WALKING = importlib.import_module("reconciler.apply.apply")
_RECOVERING = importlib.import_module("reconciler.apply.recover")
_JOURNAL = importlib.import_module("reconciler.apply.journal")


def swap(where: str, what: Any) -> Patch:
    """A name of a module, or of a class, means something else."""
    return lambda _world: mock.patch(where, what)


def no_rule(name: str) -> Patch:
    """A rule of order is gone."""
    return swap(f"reconciler.order.rules.{name}", _nothing)


@contextmanager
def no_intent(_world: World) -> Iterator[None]:
    """The intent is written once the call has come back."""
    intend, succeeded, failed = Journal.intend, Journal.succeeded, Journal.failed
    kept: dict[str, Any] = {}

    def early(self: Journal, step: Step, report: Callable[[str], None]) -> Operation:
        store, intents = self._store, list[Any]()
        self._store = mock.Mock(wraps=store, intend=intents.append)
        operation = intend(self, step, report)
        self._store = store
        kept[operation.id] = intents[0]
        return operation

    def written(end: Callable[..., None]) -> Callable[..., None]:
        def late(self: Journal, ended: Any, operation: Operation) -> None:
            self._store.intend(kept[operation.id])
            end(self, ended, operation)

        return late

    with mock.patch.multiple(Journal, intend=early, succeeded=written(succeeded), failed=written(failed)):
        yield


@contextmanager
def key_of_content(_world: World) -> Iterator[None]:
    """The id of an operation is made from what it does."""
    intend = Journal.intend

    def keyed(self: Journal, step: Step, report: Callable[[str], None]) -> Operation:
        self._new_id = lambda: f"{step.action} {step.address} {step.after!r}"
        return intend(self, step, report)

    with mock.patch.object(Journal, "intend", keyed):
        yield


@contextmanager
def platform_without_fences(world: World) -> Iterator[None]:
    """The provider lets every generation in."""
    world.cloud.fenced = False
    yield


@contextmanager
def lock_for_everybody(_world: World) -> Iterator[None]:
    """The run lock excludes nobody."""

    @contextmanager
    def lock(self: MemoryStore, holder: Mapping[str, str | int], **_options: Any) -> Iterator[None]:
        kept = self._kept
        kept.holder, kept.fence = dict(holder), kept.fence + 1
        self._fence = kept.fence
        yield

    with mock.patch.object(MemoryStore, "lock", lock):
        yield


def store_without_fences(_world: World) -> AbstractContextManager[Any]:
    """A store takes every write."""
    return mock.patch.object(MemoryStore, "_locked", lambda self: self._kept)


def code_before_scale(_world: World) -> AbstractContextManager[Any]:
    """An update is split the other way round."""
    classes = split._classes
    return mock.patch.object(split, "_classes", lambda kind, change: tuple(reversed(classes(kind, change))))


def whole_spec_at_once(_world: World) -> AbstractContextManager[Any]:
    """The first step of an update already says all that is wanted."""
    update = split._update
    return mock.patch.object(split, "_update", lambda change: (replace(p, after=change.after) for p in update(change)))


def secret_in_plan(_world: World) -> AbstractContextManager[Any]:
    """A plan shows the values of secrets."""
    veiled = Veil.of

    def shown(self: Veil, secret: Secret) -> str:
        return secret.value or veiled(self, secret)

    return mock.patch.object(Veil, "of", shown)


def default_that_moves(_world: World) -> AbstractContextManager[Any]:
    """A default of endpoints is another one each time."""
    spec_of, stamps = normalise.spec_of, itertools.count()

    def stamped(manifest: Any, kind: Any, **options: Any) -> dict[str, Any]:
        spec = spec_of(manifest, kind, **options)
        return {**spec, "properties": {"read": str(next(stamps))}} if kind.name == "endpoint" else spec

    return mock.patch("reconciler.resolve.resolve.spec_of", stamped)


def failed_is_done(_world: World) -> AbstractContextManager[Any]:
    """A failed step is recorded as done."""

    def done(self: Journal, outcome: Outcome, operation: Operation) -> None:
        self.succeeded(outcome.step, operation)

    return mock.patch.object(Journal, "failed", done)


def unknown_is_failed(_world: World) -> AbstractContextManager[Any]:
    """A call that nobody answered has failed."""

    def failing(made: Callable[..., Outcome]) -> Callable[..., Outcome]:
        def outcome(*args: Any) -> Outcome:
            found = made(*args)
            return replace(found, result=Result.FAILED) if found.result is Result.UNKNOWN else found

        return outcome

    walking: Any = _WALKING
    return mock.patch.multiple(walking, _outcome=failing(walking._outcome), _unanswered=failing(walking._unanswered))


def recovery_trusts(_world: World) -> AbstractContextManager[Any]:
    """What was intended is recorded, not what is there."""

    def as_intended(intent: Any, _state: Any, _live: Any, generation: int, now: str) -> Entry | None:
        return None if intent.after is None else Entry(intent.after, generation, intent.operation, now)

    return mock.patch.object(_RECOVERING, "found_entry", as_intended)


@contextmanager
def orphans_forgotten(_world: World) -> Iterator[None]:
    """What is live and in no record is nobody's."""
    fold, drifts = comparing.fold, staging.drifts

    def known(state: Any, live: Any) -> list[Any]:
        return [item for item in live if item.address in state.entries]

    def blind_fold(state: Any, live: Any, **looked: Any) -> State:
        return fold(state, known(state, live), **looked)

    def blind_drifts(state: Any, live: Any, *rest: Any, **looked: Any) -> Any:
        return drifts(state, known(state, live), *rest, **looked)

    with ExitStack() as all_of_it:
        for module in (comparing, drifting):
            all_of_it.enter_context(mock.patch.object(module, "fold", blind_fold))
        for module in (staging, drifting):
            all_of_it.enter_context(mock.patch.object(module, "drifts", blind_drifts))
        yield


@contextmanager
def foreign_overwritten(world: World) -> Iterator[None]:
    """Neither a plan nor the platform minds whose an object is."""
    with ExitStack() as both:
        both.enter_context(mock.patch("reconciler.preflight.guards._foreign", _nothing))
        both.enter_context(mock.patch.object(world.cloud, "_refuse_others"))
        yield


@contextmanager
def dependents_executed(_world: World) -> Iterator[None]:
    """A step waits for what it needs, but not for its success."""
    walk = executing.walk

    def heedless(plan: Plan, *args: Any, **options: Any) -> Sequence[Outcome]:
        steps = tuple(replace(step, needs=()) for step in plan.steps)
        return walk(replace(plan, steps=steps), *args, **{**options, "parallel": 1})

    with mock.patch.object(executing, "walk", heedless):
        yield


def budget_ignored(_world: World) -> AbstractContextManager[Any]:
    """A plan deletes as much as it likes."""
    refusals = guarding.refusals

    def lenient(steps: Any, state: Any, guards: Any, **options: Any) -> Iterator[str]:
        return refusals(steps, state, replace(guards, max_delete=10_000), **options)

    return mock.patch.object(guarding, "refusals", lenient)


def old_stop_first(leaving: Sequence[str], *, kept: int, count: int, **_size: int) -> tuple[Wave, ...]:
    """All that leaves stops before the first that comes has started."""
    return (Wave(0, tuple(leaving)), Wave(count - kept))


@contextmanager
def clock_decides(_world: World) -> Iterator[None]:
    """What is made later is as old as the clock says."""
    with ExitStack() as both:
        for module in (_JOURNAL, _RECOVERING):
            both.enter_context(mock.patch.object(module, "later", lambda now, _others: now))
        yield


def _nothing(*_args: Any, **_options: Any) -> Iterator[Any]:
    yield from ()
