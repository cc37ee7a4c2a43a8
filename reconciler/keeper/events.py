"""The event log: what befell the kept processes, in the columns of AmlOnlineEndpointEventLog."""

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from reconciler.keeper.rows import Rows, place_of, time_text

NAME = "events.jsonl"
_OPERATION = "AmlOnlineEndpointEventLog"


class Event(StrEnum):
    """The names of events, as Azure has them."""

    CREATED = "Created"
    STARTED = "Started"
    KILLING = "Killing"
    BACK_OFF = "BackOff"
    LIVENESS_PROBE_FAILED = "LivenessProbeFailed"
    READINESS_PROBE_FAILED = "ReadinessProbeFailed"


class Events:
    """The event log in the keeper's folder."""

    def __init__(self, folder: Path, *, wall: Callable[[], float] = time.time) -> None:
        self._rows = Rows(folder / NAME)
        self._wall = wall

    def tell(self, name: str, event: Event, message: str, *, at: float | None = None) -> None:
        """Write down what befell a process, `at` a time since the epoch, in seconds; now without one."""
        place = place_of(name)
        row = {
            "TimeGenerated": time_text(self._wall() if at is None else at),
            "OperationName": _OPERATION,
            "InstanceId": place.instance,
            "EndpointName": place.endpoint,
            "DeploymentName": place.deployment,
            "Name": event.value,
            "Message": message,
        }
        self._rows.append([row])
