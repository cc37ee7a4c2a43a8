"""The gateway follows the tasks of a swarm: whoever waits for the swarm has it do so, and otherwise a process does.

`python -m reconciler.providers.docker.swarm_feed FOLDER ...` is that process; the target's keeper keeps it up.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.keeper.say import say
from reconciler.providers.docker.residents import keep_running, resident
from reconciler.providers.docker.swarm_tasks import Look
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.provider import Setting

NAME = "feed"
_MODULE = "reconciler.providers.docker.swarm_feed"
# A swarm has no events of tasks. An instance that leaves goes on serving for some seconds after it was told to.
POLL_S = 0.5
# After this much trouble there may be something wrong with this process itself: the keeper starts another.
_PATIENCE = 20


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


def follow_for_ever(look: Callable[[], Look], feed: Feed, folder: Path) -> None:
    """Feed the gateway until the target's folder is gone; trouble is told once, and then waited out.

    Raises:
        ProviderError: it does not end.
    """
    complaint, failures = "", 0
    while folder.is_dir():
        try:
            feed.follow(look())
            complaint, failures = "", 0
        except ProviderError as error:
            failures += 1
            if failures == _PATIENCE:
                raise
            if str(error) != complaint:
                say(str(error))
            complaint = str(error)
        time.sleep(POLL_S)


def see_to_feed(processes: Processes, layout: Layout, setting: Setting) -> None:
    """Have the keeper keep a feed up.

    Raises:
        ProviderError: the keeper does not answer.
    """
    options = json.dumps(dict(setting.options), sort_keys=True, default=str)
    words = ["--root", str(setting.root.absolute()), "--target", setting.target, "--options", options]
    keep_running(processes, resident(NAME, _MODULE, words, layout))


class _NoAssets:
    """A feed lays down no content."""

    def path(self, digest: str) -> Path:
        raise ProviderError(f"content {digest} is not at hand")

    def distrust(self, _digest: str) -> None:
        """There is nothing to look at."""

    def holds(self, _digest: str) -> bool:
        return False


def main() -> int:
    """Parse the command line and feed the gateway."""
    from reconciler.providers.docker.swarm_provider import SwarmProvider  # noqa: PLC0415 - which starts feeds

    parser = argparse.ArgumentParser(prog="python -m reconciler.providers.docker.swarm_feed", description=__doc__)
    parser.add_argument("folder", type=Path, help="the target's own")
    parser.add_argument("--root", type=Path, required=True, help="to which the paths of the options are relative")
    parser.add_argument("--target", required=True, help="its name")
    parser.add_argument("--options", required=True, help="its keys in mlops.yaml, as JSON")
    given = parser.parse_args()
    options: dict[str, Any] = json.loads(given.options)
    provider = SwarmProvider.open(Setting(given.target, given.folder, _NoAssets(), options, given.root))
    threading.Thread(target=provider.upkeep.go_on, name="gateway", daemon=True).start()
    follow_for_ever(provider.look, provider.feed, given.folder)
    say("the target's folder is gone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
