"""Traffic that has just moved is watched for a moment: whether the deployments that get more of it hold out."""

import time
from collections.abc import Callable, Iterable, Mapping

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass

Losses = Mapping[Address, int]
"""How many instances each of some deployments has lost so far."""


@dataclass(frozen=True)
class Watch:
    """Looks at deployments.

    Args:
        observe: a deployment as it is now.
        tail: the last lines that its instances printed.
        seconds: how long it is watched; 0 is not at all.
    """

    observe: Callable[[Address], Live | None]
    tail: Callable[[Address], Iterable[str]]
    seconds: float
    poll_s: float = 0.1
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def losses(self, deployments: Iterable[Address]) -> Losses:
        """What has been lost before anything moves."""
        return {each: _lost(self.observe(each)) for each in deployments} if self.seconds else {}

    def hold_out(self, before: Losses) -> None:
        """Return once the time is over and no deployment has lost more than before.

        Raises:
            ProviderError: one has; the last lines of its log come along.
        """
        deadline = self.now() + self.seconds
        while before and self.now() < deadline:
            for deployment, lost in before.items():
                live = self.observe(deployment)
                if live and _lost(live) > lost:
                    what = f"{deployment} did not hold out under its traffic: {live.detail.get('note', '')}"
                    raise ProviderError(what, log_tail=list(self.tail(deployment)))
            self.sleep(self.poll_s)


def _lost(live: Live | None) -> int:
    return int(live.spec.get("lost_instances", 0)) if live else 0
