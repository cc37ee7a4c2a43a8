"""The process that has the gateway follow the tasks of a swarm; the target's keeper keeps it up.

`python -m reconciler.providers.docker.swarm_feeding FOLDER ...` is it.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.keeper.say import say
from reconciler.providers.docker.swarm_feed import Feed
from reconciler.providers.docker.swarm_provider import SwarmProvider
from reconciler.providers.docker.swarm_tasks import Look
from reconciler.providers.provider import Setting

# A swarm has no events of tasks. An instance that leaves goes on serving for some seconds after it was told to.
POLL_S = 0.5
# After this much trouble there may be something wrong with this process itself: the keeper starts another.
_PATIENCE = 20


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
    parser = argparse.ArgumentParser(prog="python -m reconciler.providers.docker.swarm_feeding", description=__doc__)
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
