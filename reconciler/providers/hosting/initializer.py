"""What was laid down before a deployment's instances started, in the columns of AmlOnlineEndpointConsoleLog."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.core.address import Address

CONTAINER = "storage-initializer"
# Some hundred builds of an environment: what is older is of no more use.
_MOST_BYTES = 1_000_000
_WIDEST = 2000


def _utc_now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def initializer_log(
    path: Path, deployment: Address, *, now: Callable[[], datetime] = _utc_now
) -> Iterator[Callable[[str], None]]:
    """Give what appends a line to the log; a log that has outgrown its limit is begun anew.

    Args:
        path: the file of JSON lines.
        deployment: whose instances are about to start.
        now: the time in UTC.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    outgrown = path.exists() and path.stat().st_size > _MOST_BYTES
    with path.open("w" if outgrown else "a", encoding="utf-8") as file:

        def tell(message: str) -> None:
            file.write(json.dumps(_row(deployment, message[:_WIDEST], now())) + "\n")
            file.flush()

        yield tell


def _row(deployment: Address, message: str, at: datetime) -> dict[str, str]:
    return {
        "TimeGenerated": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "OperationName": "AmlOnlineEndpointConsoleLog",
        "InstanceId": "",
        "EndpointName": deployment.endpoint,
        "DeploymentName": deployment.name,
        "ContainerName": CONTAINER,
        "Message": message,
    }
