"""Asks instances whether they live and whether they are ready, and writes down what fails."""

from collections.abc import Callable
from selectors import BaseSelector

from reconciler.keeper.events import Event, Events
from reconciler.keeper.health import Health
from reconciler.keeper.probes import Probes
from reconciler.providers.docker.sightings import Sighting

# A container whose instance hangs, and what says so.
Hangs = Callable[[str, str], None]


class Asking:
    """The instances that are asked, by their containers. `hangs` hears of one that does not live."""

    def __init__(self, selector: BaseSelector, events: Events, hangs: Hangs) -> None:
        self._events = events
        self._hangs = hangs
        self._asked: dict[str, Sighting] = {}
        self._liveness = Probes(selector, self._liveness_failed)
        self._readiness = Probes(selector, self._readiness_failed)

    def ask(self, seen: Sighting) -> None:
        """Ask an instance from now on; one that is asked already goes on being asked."""
        self._asked[seen.id] = seen
        for probes, probe in ((self._liveness, seen.asked.liveness), (self._readiness, seen.asked.readiness)):
            if probe:
                probes.watch(seen.id, probe, max(0.0, probe.initial_delay_s - seen.age_s))

    def forget(self, container: str) -> None:
        """Ask an instance no more, and drop what was made of its answers."""
        self._asked.pop(container, None)
        self._liveness.forget(container)
        self._readiness.forget(container)

    def forget_all(self) -> None:
        """Ask nobody."""
        for container in list(self._asked):
            self.forget(container)

    def next_at(self) -> float:
        """When something falls due, by the monotonic clock."""
        return min(self._liveness.next_at(), self._readiness.next_at())

    def do_what_is_due(self) -> None:
        """Ask whoever is to be asked."""
        self._liveness.do_what_is_due()
        self._readiness.do_what_is_due()

    def _readiness_failed(self, container: str, what: str, health: Health) -> None:
        """That an instance does not answer any more is told once, not each time."""
        seen = self._asked[container]
        probe = seen.asked.readiness
        if probe and health.begins_to_fail(probe):
            row = f"{health.failures} of {probe.failure_threshold} in a row"
            self._events.tell(seen.name, Event.READINESS_PROBE_FAILED, f"Readiness probe failed, {row}: {what}")

    def _liveness_failed(self, container: str, what: str, health: Health) -> None:
        """An instance did not answer; one that did not so often enough hangs."""
        seen = self._asked[container]
        probe = seen.asked.liveness
        if probe is None:
            return
        row = f"{health.failures} of {probe.failure_threshold} in a row"
        self._events.tell(seen.name, Event.LIVENESS_PROBE_FAILED, f"Liveness probe failed, {row}: {what}")
        if health.fails(probe):
            self.forget(container)
            self._hangs(container, f"{health.failures} failed liveness probes ({what})")
