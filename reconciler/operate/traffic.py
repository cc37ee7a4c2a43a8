"""The requests that a gateway answered, read from its access log."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.operate.rotated import Files, Follower, at_end, at_time

TABLE = "AmlOnlineEndpointTrafficLog"

# Lines are in the order in which requests ended, but for what two proxies, one taking over from the other, hold back.
_DISORDER_S = 2.0
_STATUS_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Request:
    """One request, from its row of the traffic log.

    Args:
        time: when it began, in seconds since the epoch.
        endpoint: empty where the path named none.
        deployment: empty where none was asked, as without a key.
        instance: that answered; empty where none did.
        status: what the client got.
        reason: of a failure, as the gateway tells it.
        model_status: what the model answered, where that was another than 200 and a status at all.
        duration_ms: from the first byte of the request to the last of the answer.
        request_bytes: of the request's body.
        response_bytes: of the answer's body.
    """

    time: float
    endpoint: str
    deployment: str
    instance: str
    method: str
    status: int
    reason: str
    model_status: int | None
    duration_ms: float
    request_bytes: int
    response_bytes: int

    @property
    def ended(self) -> float:
        """When the last byte was sent, in seconds since the epoch."""
        return self.time + self.duration_ms / 1000


def requests(files: Sequence[Path], *, since: float) -> Iterator[Request]:
    """The requests that ended at or after a time.

    Args:
        files: the copies of the traffic log, the oldest first.
        since: seconds since the epoch.
    """
    mark = at_time(files, since - _DISORDER_S, _ended)
    for line in Follower(lambda: files, mark).more():
        request = request_of(line)
        if request is not None and request.ended >= since:
            yield request


def oldest(files: Sequence[Path]) -> float | None:
    """When the first request that the log still has ended, in seconds since the epoch; None where it has none."""
    return next((each.ended for each in map(request_of, _lines(files)) if each is not None), None)


class Tail:
    """The requests that were added to the traffic log since the last look, across rotations.

    Args:
        files: the copies of the log as they are now, the oldest first.
    """

    def __init__(self, files: Files) -> None:
        self._follower = Follower(files, at_end(files()))

    def more(self) -> list[Request]:
        """The requests that ended since the last call, or since this was made."""
        return [request for line in self._follower.more() if (request := request_of(line)) is not None]


def request_of(line: bytes) -> Request | None:
    """The request of a line; None where the line is torn or tells of none."""
    try:
        row: Mapping[str, Any] = json.loads(line)
        return _request(row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _request(row: Mapping[str, Any]) -> Request:
    return Request(
        datetime.fromisoformat(row["TimeGenerated"]).timestamp(),
        _text(row.get("EndpointName")),
        _text(row.get("DeploymentName")),
        _text(row.get("Instance")),
        _text(row.get("Method")),
        int(row["ResponseCode"]),
        _text(row.get("ResponseCodeReason")),
        _status(row.get("ModelStatusCode")),
        float(row.get("TotalDurationMs") or 0),
        int(row.get("RequestPayloadSize") or 0),
        int(row.get("ResponsePayloadSize") or 0),
    )


def _status(value: Any) -> int | None:
    """A status code; None where a model wrote none, or something else, into its header."""
    text = _text(value)
    return int(text) if text.isdecimal() and len(text) == _STATUS_DIGITS else None


def _text(value: Any) -> str:
    """A text; the proxy writes null or a dash for what is not there."""
    return "" if value is None or value == "-" else str(value)


def _lines(files: Sequence[Path]) -> Iterator[bytes]:
    """Every line, read as it is asked for."""
    for file in files:
        with suppress(FileNotFoundError), file.open("rb") as stream:
            yield from stream


def _ended(line: bytes) -> float | None:
    request = request_of(line)
    return request.ended if request else None
