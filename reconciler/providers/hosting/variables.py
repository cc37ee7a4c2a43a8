"""The environment variables of a scoring server that do not depend on what runs it."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def server_variables(spec: Mapping[str, Any]) -> dict[str, str]:
    """How a deployment's spec has the server behave."""
    concurrent = str(spec["request_settings"]["max_concurrent_requests_per_instance"])
    return {
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "MLOPS_MAX_CONCURRENT_REQUESTS": concurrent,
        # As many may wait as may run: an instance holds twice of what it runs at a time, as Azure has it.
        "MLOPS_MAX_QUEUED_REQUESTS": concurrent,
        # Azure's request timeout is the scoring timeout. A second more, so that the gateway's 408 comes first.
        "SCORING_TIMEOUT_MS": str(int(spec["request_settings"]["request_timeout_ms"]) + 1000),
        "MLOPS_DRAIN_SECONDS": str(drain_seconds(spec)),
        # Instances are told to stop once the gateway sends them nothing more.
        "MLOPS_DRAIN_GRACE_SECONDS": "0.1",
    }


def drain_seconds(spec: Mapping[str, Any]) -> int:
    """As long as a request may take, and a second for it to arrive."""
    return int(spec["request_settings"]["request_timeout_ms"]) // 1000 + 1


def stop_seconds(spec: Mapping[str, Any]) -> int:
    """Within what time an instance ends that was told to.

    The server takes the drain time twice at most: for requests to cease, then for those in flight to end.
    """
    return 2 * drain_seconds(spec) + 2


def python_path(runtime: PurePath, app_root: PurePath, given: str) -> str:
    """The server first, then what the user's own variable names, relative to the code."""
    return ":".join([str(runtime), *(str(app_root / each) for each in given.split(":") if each)])
