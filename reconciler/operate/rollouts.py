"""Roll-outs of traffic: what the gateway answered is counted, and the next step or the way back put in force."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.rollout import Rollout
from reconciler.operate.progress import Tally, decided
from reconciler.operate.traffic import TABLE, Request, requests
from reconciler.providers.provider import Progressive, TableSource
from reconciler.workspace import Workspace

# Of a pause; so often it is looked whether a gate is not kept, or the pause is over.
_LOOKS = 10
_OFTEN_S, _SELDOM_S = 0.1, 1.0


class Rollouts:
    """Looks after the roll-outs that are not finished.

    Args:
        say: takes one line for every decision.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._tallies: dict[tuple[Address, str, int, float], Tally] = {}
        self._unfinished: dict[Address, Rollout] = {}

    @property
    def watches(self) -> bool:
        """Whether there is anything to look after."""
        return bool(self._unfinished)

    def watch(self, workspace: Workspace) -> None:
        """See which roll-outs there are."""
        provider = workspace.provider
        found = provider.rollouts() if isinstance(provider, Progressive) else {}
        self._unfinished = {address: rollout for address, rollout in found.items() if rollout.unfinished}

    def due(self, workspace: Workspace, fresh: Iterable[Request], now: float) -> list[tuple[Address, Rollout]]:
        """Count requests, and give every roll-out that should change, as it should be.

        Args:
            workspace: the target.
            fresh: requests that ended since the last look.
            now: seconds since the epoch.
        """
        ended, tallies, found = list(fresh), {}, []
        for address, rollout in self._unfinished.items():
            step = (address, rollout.id, rollout.place, rollout.since)
            tallies[step] = tally = self._tallies.get(step) or Tally(address.name, rollout)
            # A step that is taken up late, as by a process that was started again, is counted from its begin on.
            tally.add(ended if step in self._tallies else _since(workspace, rollout))
            wanted = decided(rollout, replace(tally.observed(), lost=_losing(workspace, address, rollout)), now)
            if wanted != rollout:
                found.append((address, wanted))
        self._tallies = tallies
        return found

    def act(self, workspace: Workspace, address: Address, rollout: Rollout) -> None:
        """Put a roll-out in force as it should be; the caller holds the target's lock.

        Raises:
            ProviderError: a later change has replaced it, or the gateway does not take it.
        """
        assert isinstance(workspace.provider, Progressive)  # noqa: S101 - else there would be no roll-out
        workspace.provider.advance(address, rollout)
        if rollout.unfinished:
            self._unfinished[address] = rollout
        else:
            del self._unfinished[address]
        self._say(f"{address}: {'roll-out done' if rollout.done else rollout}")

    def pause(self, most: float) -> float:
        """Seconds until it is to be looked again, at most so many."""
        looks = (min(max(each.pause_s / _LOOKS, _OFTEN_S), _SELDOM_S) for each in self._unfinished.values())
        return min([most, *looks])


def _losing(workspace: Workspace, endpoint: Address, rollout: Rollout) -> tuple[str, ...]:
    """The receiving deployments that lost an instance since the record last agreed with what is live."""
    provider, names = workspace.provider, sorted(rollout.receiving)
    live = {name: provider.observe(Address("deployment", name, endpoint=endpoint.name)) for name in names}
    return tuple(name for name, found in live.items() if found and found.spec.get("lost_instances"))


def _since(workspace: Workspace, rollout: Rollout) -> Iterator[Request]:
    provider = workspace.provider
    logs = provider.tables().get(TABLE, ()) if isinstance(provider, TableSource) else ()
    return requests(logs, since=rollout.since)
