"""Counts restarts in a file of the target, from what the engine tells and from looks at its containers."""

import time
from collections.abc import Set
from dataclasses import replace

from reconciler.keeper.say import say
from reconciler.keeper.values import Exit
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.notes import seconds
from reconciler.providers.docker.restarts import Counted, Counts, acknowledge, first_look, load_counts, save_counts
from reconciler.providers.docker.seeing import containers
from reconciler.providers.docker.sightings import Sighting, sighting
from reconciler.providers.hosting.layout import Layout


class Counting:
    """The warden's count; what cannot be written down now is written with the next change."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._counts = load_counts(layout)

    @property
    def until(self) -> int:
        """The time of the last event that was taken into account, in nanoseconds since the epoch."""
        return self._counts.until

    def restarts(self, instance: str, at: float) -> int:
        """How often an instance was started again with the start `at` a time; 0 where a later one was counted too."""
        counted = self._counts.instances.get(instance)
        return counted.restarts if counted and at >= seconds(counted.started_at) else 0

    def looked(self, seen: Sighting) -> None:
        """An instance was looked at: it may have been started since."""
        former = self._counts.instances.get(seen.instance)
        look = former.looked if former else first_look
        counted = look(started_at=seen.started_at, engine_count=seen.engine_count)
        if counted:
            self._put(seen.instance, counted)

    def died(self, instance: str, how: Exit, at: float) -> None:
        """A run of an instance ended, `at` seconds since the epoch."""
        former = self._counts.instances.get(instance)
        if former:
            self._put(instance, former.died(how, at))

    def passed(self, at: int) -> None:
        """An event was taken into account."""
        self._keep(replace(self._counts, until=at))

    def forget(self, instance: str) -> None:
        """An instance is gone."""
        self.keep_only(self._counts.instances.keys() - {instance})

    def keep_only(self, instances: Set[str]) -> None:
        """Forget those that are gone."""
        left = {name: counted for name, counted in self._counts.instances.items() if name in instances}
        self._keep(replace(self._counts, instances=left))

    def _put(self, instance: str, counted: Counted) -> None:
        self._keep(replace(self._counts, instances={**self._counts.instances, instance: counted}))

    def _keep(self, counts: Counts) -> None:
        if counts == self._counts:
            return
        self._counts = counts
        try:
            save_counts(self._layout, counts)
        except OSError as error:
            say(f"restarts cannot be written down: {error}")


def acknowledge_all(engine: Engine, names: Names, layout: Layout) -> None:
    """Take the restarts that the engine has counted so far for seen, where what was counted here is lost.

    It is for before a warden begins: of an instance that it knows of, it counts on from there.

    Raises:
        ProviderError: the engine does not answer.
    """
    counts, found = load_counts(layout), dict[str, Counted]()
    for each in containers(engine, names):
        counted = _looked_up(engine, each.id)
        if counted and each.instance not in counts.instances:
            found[each.instance] = counted
    if found:
        layout.warden.mkdir(parents=True, exist_ok=True, mode=0o700)
        save_counts(layout, replace(counts, instances={**counts.instances, **found}))
    acknowledge(layout, {**counts.instances, **found})


def _looked_up(engine: Engine, container: str) -> Counted | None:
    """What the engine has counted of a container; None where it is gone, or was never started."""
    from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

    with engine.doing(f"container {container[:12]} cannot be inspected"):
        try:
            facts = engine.api.inspect_container(container)
        except NotFound:
            return None
    seen = sighting(facts, now=time.time())
    return first_look(started_at=seen.started_at, engine_count=seen.engine_count)
