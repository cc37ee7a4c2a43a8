"""A provider that does to its callers what platforms do: refuse in passing, lose answers, hang, be slow.

It wraps any provider from outside. A schedule says what happens to each call: by the words `METHOD ADDRESS`, such as
`scale deployment/credit/blue`, `observe endpoint/credit` or `list`, in the order of the calls. What is not scheduled is
done.

    clock = FakeClock()
    provider = Scheduled(MemoryProvider(), {"create endpoint/credit": [Refuse("503"), Late()]}, clock=clock)
    apply(plan, provider, journal, pace=clock.pace())
"""

import inspect
import random
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.apply import Pace
from reconciler.core.plan import Action
from reconciler.errors import ProviderError, TransientError
from reconciler.providers.provider import Provider

Effect = Callable[[], Any]


class FakeClock:
    """A clock that only waiting moves; `waits` holds every wait."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, []
        self._guard = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        """Be so much later at once; never interrupted."""
        with self._guard:
            self.waits.append(seconds)
            self.now += seconds
        return False

    def pace(self, **settings: Any) -> Pace:
        """How an apply goes on by this clock, without chance."""
        return Pace(**{"clock": self, "wait": self.wait, "dice": lambda: 0.0, **settings})


@dataclass(frozen=True)
class Refuse:
    """No effect; the platform says that it cannot at the moment."""

    said: str = "503 Service Unavailable"
    retry_after_s: float | None = None

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        raise TransientError(self.said, retry_after_s=self.retry_after_s)


@dataclass(frozen=True)
class Fail:
    """No effect, and no use in trying again."""

    said: str = "quota exceeded"
    log_tail: Sequence[str] = ()

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        raise ProviderError(self.said, log_tail=self.log_tail)


@dataclass(frozen=True)
class Late:
    """The effect is there, its answer is lost."""

    said: str = "the answer was lost (timeout)"

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        effect()
        raise TransientError(self.said, maybe_done=True)


@dataclass(frozen=True)
class Raise:
    """The effect is there, or not, and whatever is given is raised."""

    error: BaseException
    done: bool = False

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        if self.done:
            effect()
        raise self.error


@dataclass(frozen=True)
class Slow:
    """The effect comes after a time."""

    seconds: float = 10.0

    def befall(self, effect: Effect, clock: FakeClock) -> Any:
        clock.wait(self.seconds)
        return effect()


@dataclass(frozen=True)
class Hang:
    """No answer and no effect until it is released; then the effect lands, however long nobody waits for it any more.

    `landed` is set once it has been tried, `refused` holds what the platform said of it.
    """

    release: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    landed: threading.Event = field(default_factory=threading.Event)
    refused: list[ProviderError] = field(default_factory=list)

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        self.begun.set()
        self.release.wait()
        try:
            return effect()
        except ProviderError as error:
            self.refused.append(error)
            raise
        finally:
            self.landed.set()


@dataclass(frozen=True)
class Held:
    """The answer is lost at once, the effect is still on its way: it lands when somebody calls `land`."""

    on_its_way: list[Effect] = field(default_factory=list)

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        self.on_its_way.append(effect)
        raise TransientError("the answer was lost (timeout)", maybe_done=True)

    def land(self) -> list[ProviderError]:
        """Let everything land that is on its way, and return what the platform refused of it."""
        refused = []
        while self.on_its_way:
            try:
                self.on_its_way.pop(0)()
            except ProviderError as error:
                refused.append(error)
        return refused


@dataclass(frozen=True)
class Meanwhile:
    """Something happens while the call is under way, before it has its effect or after it."""

    happens: Callable[[], Any]
    after: bool = False

    def befall(self, effect: Effect, _clock: FakeClock) -> Any:
        if self.after:
            effect()
        self.happens()
        return None if self.after else effect()


Fault = Refuse | Fail | Late | Raise | Slow | Hang | Held | Meanwhile
Schedule = Callable[[str], Fault | None]


def in_order(faults: Mapping[str, Iterable[Fault]]) -> Schedule:
    """By `METHOD ADDRESS`, one fault a call, in order; then none."""
    left: dict[str, Iterator[Fault]] = {words: iter(each) for words, each in faults.items()}
    return lambda words: next(left.get(words, iter(())), None)


def by_chance(seed: int, *, rate: float, of: Collection[Fault] = (Refuse(), Late())) -> Schedule:
    """Some of the calls of steps, always the same ones for a seed, as long as calls come in the same order."""
    dice, choice = random.Random(seed), tuple(of)
    steps = {str(action) for action in Action}

    def fault(words: str) -> Fault | None:
        if words.partition(" ")[0] not in steps or dice.random() >= rate:
            return None
        return dice.choice(choice)

    return fault


class Scheduled:
    """A provider behind a schedule; `calls` holds the words of every call, `effects` of every one that got through."""

    _WATCHED = frozenset({*map(str, Action), "observe", "fence", "list", "some", "known", "fences", "adopt"})

    def __init__(
        self,
        provider: Provider,
        schedule: Schedule | Mapping[str, Iterable[Fault]] = lambda _words: None,
        *,
        clock: FakeClock | None = None,
    ) -> None:
        self.provider, self.clock = provider, clock or FakeClock()
        self.schedule = in_order(schedule) if isinstance(schedule, Mapping) else schedule
        self.calls: list[str] = []
        self.effects: list[str] = []
        # From Python 3.12 on, what only `__getattr__` gives is no ability to `isinstance`.
        methods = (name for name, _ in inspect.getmembers(type(provider), callable))
        vars(self).update({name: getattr(self, name) for name in methods if not hasattr(type(self), name)})

    def __getattr__(self, name: str) -> Any:
        """All that the provider can do, optional abilities included."""
        found = getattr(self.provider, name)
        return self._guarded(name, found) if name in self._WATCHED else found

    def _guarded(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            about = arguments[0] if arguments else ""
            named = " ".join(sorted(map(str, about))) if name in ("some", "known") else getattr(about, "address", about)
            words = f"{name} {named}".strip()
            self.calls.append(words)

            def effect() -> Any:
                answer = method(*arguments)
                self.effects.append(words)
                return answer

            fault = self.schedule(words)
            return fault.befall(effect, self.clock) if fault else effect()

        return call
