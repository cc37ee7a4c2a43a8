"""What the warden makes of an engine's words: a container as it was inspected, and an event that befell one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.keeper.values import Exit
from reconciler.providers.docker.names import ADDRESS, INSTANCE
from reconciler.providers.docker.notes import seconds
from reconciler.providers.docker.probes import Asked, probes_of
from reconciler.providers.docker.restarts import exit_of

# What a container may be sent so that it ends; other signals mean something to its server.
_ENDING = frozenset({"2", "3", "6", "9", "15"})
KILLED = "9"


@dataclass(frozen=True)
class Sighting:
    """The container of an instance, as it is.

    Args:
        name: `ENDPOINT/DEPLOYMENT/INSTANCE`.
        started_at: when its run began, as the engine writes it.
        age_s: for how long it has run.
        engine_count: how often the engine has started it again since it was last started by hand.
        running: whether it is up.
        kept: whether the engine starts it again when it ends; one on trial is not.
        asked: how it is probed.
    """

    id: str
    name: str
    started_at: str
    age_s: float
    engine_count: int
    running: bool
    kept: bool
    asked: Asked

    @property
    def instance(self) -> str:
        """The instance's own name."""
        return self.name.rpartition("/")[2]


def sighting(facts: Mapping[str, Any], *, now: float) -> Sighting:
    """A container that was inspected at the time `now`, in seconds since the epoch.

    Raises:
        ValueError: its labels are not ours.
    """
    state, labels = facts["State"], facts["Config"]["Labels"]
    running = bool(state["Running"]) and not state["Restarting"]
    return Sighting(
        id=str(facts["Id"]),
        name=instance_name(labels),
        started_at=str(state["StartedAt"]),
        age_s=max(0.0, now - seconds(str(state["StartedAt"]))) if running else 0.0,
        # It is counted as started again from its end on.
        engine_count=int(facts["RestartCount"]) - bool(state["Restarting"]),
        running=running,
        kept=facts["HostConfig"]["RestartPolicy"]["Name"] not in ("", "no"),
        asked=probes_of(labels),
    )


def instance_name(labels: Mapping[str, str]) -> str:
    """The name under which an instance's rows are written.

    Raises:
        ValueError: the labels are not ours.
    """
    try:
        deployment = Address.parse(labels[ADDRESS])
        return f"{deployment.endpoint}/{deployment.name}/{labels[INSTANCE]}"
    except KeyError as error:
        raise ValueError(f"label {error} is missing") from None


@dataclass(frozen=True)
class Happening:
    """An event that befell a container.

    Args:
        what: the engine's word for it, such as `die`.
        at: nanoseconds since the epoch.
        words: the container's labels, and the event's own words, such as `exitCode`.
    """

    container: str
    what: str
    at: int
    words: Mapping[str, str]

    @property
    def at_s(self) -> float:
        """When it happened, in seconds since the epoch."""
        return self.at / 1e9

    @property
    def ends_it(self) -> bool:
        """Whether the container was sent what is to end it."""
        return self.what == "kill" and self.words.get("signal") in _ENDING

    def exit(self, cause: str) -> Exit:
        """How it ended, if it did."""
        return exit_of(int(self.words.get("exitCode", 0)), cause)


# The events that are worth listening to.
WORTHWHILE = ("create", "start", "update", "oom", "kill", "die", "destroy")


def happening(event: Mapping[str, Any]) -> Happening:
    """The event as the engine wrote it; its words and the container's labels come mixed."""
    actor = event["Actor"]
    return Happening(str(actor["ID"]), str(event["Action"]), int(event["timeNano"]), actor["Attributes"])
