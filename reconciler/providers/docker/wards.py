"""The instances that a warden looks after: what becomes of each is counted, written down and answered."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from selectors import BaseSelector

from reconciler.errors import ProviderError
from reconciler.keeper.events import Event, Events
from reconciler.keeper.kept import HUNG_GRACE_S
from reconciler.keeper.say import say
from reconciler.providers.docker.asking import Asking
from reconciler.providers.docker.console import Console
from reconciler.providers.docker.containers import KIND
from reconciler.providers.docker.counting import Counting
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.sightings import KILLED, Happening, Sighting, instance_name, sighting
from reconciler.providers.hosting.layout import Layout

_AT_ONCE = 8
_NO_MEMORY = "running out of memory"


@dataclass(frozen=True)
class RestartFailed:
    """An instance that hangs could not be restarted."""

    container: str
    why: str


@dataclass
class _Ward:
    """An instance, and what became of its present run.

    Args:
        told: it was told to end, by whomever.
        hung: the failed probes for which the warden restarts it.
        starved: it ran out of memory.
    """

    seen: Sighting
    told: bool = False
    hung: str = ""
    starved: bool = False

    @property
    def cause(self) -> str:
        """Why it ends, where that is known."""
        return self.hung or (_NO_MEMORY if self.starved else "")

    @property
    def is_asked(self) -> bool:
        """Whether it is probed: neither on trial nor about to end."""
        return self.seen.running and self.seen.kept and not self.told and not self.hung


class Wards:
    """The instances of a project. What the engine refuses leaves a doubt, until everything was looked at again.

    All methods are for the warden's one thread.

    Args:
        tell: hands a word to that thread from another one.
        wall: seconds since the epoch.
    """

    def __init__(
        self,
        engine: Engine,
        names: Names,
        layout: Layout,
        selector: BaseSelector,
        tell: Callable[[RestartFailed], None],
        *,
        wall: Callable[[], float],
    ) -> None:
        self.counting = Counting(layout)
        self.doubtful = False
        self._engine = engine
        self._names = names
        self._tell = tell
        self._wall = wall
        self._wards: dict[str, _Ward] = {}
        self._events = Events(layout.warden, wall=wall)
        self._console = Console(engine, layout)
        self.asking = Asking(selector, self._events, self._hangs)
        self._restarting = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="restart")

    def look(self) -> None:
        """Look at everything: the engine may have been away, or the warden."""
        self.doubtful = False
        try:
            with self._engine.doing("the engine's containers cannot be listed"):
                found = self._engine.api.containers(all=True, filters=self._names.filter(KIND))
            there = {str(each["Id"]) for each in found}
            for container in there:
                self._look_at(container)
        except ProviderError as error:
            self._doubt(str(error))
            return
        for container in self._wards.keys() - there:
            self._forget(container)
        self._console.keep_only(there)
        self.counting.keep_only({ward.seen.instance for ward in self._wards.values()})

    def happened(self, event: Happening) -> None:
        """Take an event of the engine's into account. Past ones come in their order, and the present has the end."""
        try:
            self._happened(event, instance_name(event.words))
        except ValueError as error:
            say(f"container {event.container[:12]} is not looked after: {error}")
        self.counting.passed(event.at)

    def restart_failed(self, failure: RestartFailed) -> None:
        """An instance could not be restarted: it is asked anew once everything was looked at again."""
        self._doubt(f"container {failure.container[:12]} is not restarted: {failure.why}")
        ward = self._wards.get(failure.container)
        if ward:
            ward.hung = ""

    def close(self) -> None:
        """Write down what was read until now."""
        self._restarting.shutdown(wait=False, cancel_futures=True)
        self._console.close()

    def _look_at(self, container: str) -> None:
        """Look at one container; one that is gone, or none of ours, is left out."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self._engine.doing(f"container {container[:12]} cannot be inspected"):
            try:
                facts = self._engine.api.inspect_container(container)
            except NotFound:
                return
        try:
            seen = sighting(facts, now=self._wall())
        except ValueError as error:
            say(f"container {container[:12]} is not looked after: {error}")
            return
        ward = self._wards.setdefault(container, _Ward(seen))
        if ward.seen.started_at != seen.started_at:
            # It was started again, so its probes begin anew too.
            self.asking.forget(container)
            ward = self._wards[container] = _Ward(seen)
        ward.seen = seen
        self.counting.looked(seen)
        self._console.follow(container, seen.name)
        self._attend(ward)

    def _look_again(self, container: str) -> None:
        """Look at a container of which something was told; what was told counts, also where it cannot be seen now."""
        try:
            self._look_at(container)
        except ProviderError as error:
            self._doubt(str(error))

    def _happened(self, event: Happening, name: str) -> None:
        container, short = event.container, event.container[:12]
        match event.what:
            case "create":
                self._write(event, name, Event.CREATED, f"Created container {short}")
            case "start":
                self._started(event, name)
            case "update":
                self._look_again(container)
            case "oom" if container in self._wards:
                self._wards[container].starved = True
            case "kill" if event.ends_it:
                self._told(event, name)
            case "die":
                self._died(event, name)
            case "destroy":
                self._forget(container)

    def _started(self, event: Happening, name: str) -> None:
        if event.container in self._wards:
            self._wards[event.container] = _Ward(self._wards[event.container].seen)
        self._look_again(event.container)
        restarts = self.counting.restarts(_instance(name), event.at_s)
        again = f", restart {restarts}" if restarts else ""
        self._write(event, name, Event.STARTED, f"Started container {event.container[:12]}{again}")

    def _told(self, event: Happening, name: str) -> None:
        """It was told to end; what the warden itself does it has told already."""
        ward = self._wards.get(event.container)
        if ward and ward.hung:
            return
        late = ward is not None and ward.told and event.words.get("signal") == KILLED
        short = event.container[:12]
        message = f"Container {short} did not stop in time and is killed" if late else f"Stopping container {short}"
        self._write(event, name, Event.KILLING, message)
        if ward:
            ward.told = True
            self.asking.forget(event.container)

    def _died(self, event: Happening, name: str) -> None:
        ward = self._wards.get(event.container)
        how = event.exit(ward.cause if ward else "")
        self.counting.died(_instance(name), how, event.at_s)
        self.asking.forget(event.container)
        if ward and (ward.told or ward.hung):
            return
        on_trial = ward and not ward.seen.kept
        message = "Ended on trial, and is not started again" if on_trial else "Is started again by the engine"
        self._write(event, name, Event.BACK_OFF, f"{message}: {how}")

    def _forget(self, container: str) -> None:
        self._console.leave(container)
        self.asking.forget(container)
        ward = self._wards.pop(container, None)
        if ward:
            self.counting.forget(ward.seen.instance)

    def _attend(self, ward: _Ward) -> None:
        if ward.is_asked:
            self.asking.ask(ward.seen)
        else:
            self.asking.forget(ward.seen.id)

    def _hangs(self, container: str, why: str) -> None:
        ward = self._wards[container]
        ward.hung = why
        say(f"{ward.seen.name}: {why}")
        message = f"Stopping container {container[:12]} after {why}; it is started again"
        self._events.tell(ward.seen.name, Event.KILLING, message)
        self._restarting.submit(self._restart, container)

    def _restart(self, container: str) -> None:
        """In another thread, for it takes as long as the instance takes to end."""
        try:
            with self._engine.doing("the engine cannot restart it"):
                self._engine.api.restart(container, timeout=int(HUNG_GRACE_S))
        except ProviderError as error:
            self._tell(RestartFailed(container, str(error)))

    def _write(self, event: Happening, name: str, row: Event, message: str) -> None:
        self._events.tell(name, row, message, at=event.at_s)

    def _doubt(self, why: str) -> None:
        say(why)
        self.doubtful = True


def _instance(name: str) -> str:
    return name.rpartition("/")[2]
