"""The gateway follows the tasks of a swarm: whoever waits for the swarm has it do so, and otherwise a process does."""

import json
from collections.abc import Mapping

from reconciler.core.address import Address
from reconciler.providers.docker.residents import keep_running, resident
from reconciler.providers.docker.swarm_tasks import Look
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.provider import Setting

NAME = "feed"
_MODULE = "reconciler.providers.docker.swarm_feeding"


class Feed:
    """Brings the gateway to the tasks that serve, when these are others than before."""

    def __init__(self, objects: Objects, front: Front) -> None:
        self._objects = objects
        self._front = front
        self._fed: Mapping[Address, frozenset[str]] | None = None

    def follow(self, look: Look) -> None:
        """Bring the gateway to what was seen, unless it has that already.

        Raises:
            ProviderError: the gateway refuses.
        """
        serving = [item.address for item in self._objects.all() if item.address.kind == "deployment" and item.serving]
        found = {address: frozenset(task.id for task in look.serving(address).values()) for address in serving}
        if found and found != self._fed:
            self._front.sync()
        self._fed = found


def see_to_feed(processes: Processes, layout: Layout, setting: Setting) -> None:
    """Have the keeper keep a feed up.

    Raises:
        ProviderError: the keeper does not answer.
    """
    options = json.dumps(dict(setting.options), sort_keys=True, default=str)
    words = ["--root", str(setting.root.absolute()), "--target", setting.target, "--options", options]
    keep_running(processes, resident(NAME, _MODULE, words, layout))
