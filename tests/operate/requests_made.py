"""Requests and their lines of the traffic log: a test writes only what it is about."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.operate.traffic import Request

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


def request(ended: float = NOON, **fields: Any) -> Request:
    """A good request of deployment blue of endpoint credit, which took 8 ms."""
    duration_ms = fields.pop("duration_ms", 8.0)
    usual = {
        "endpoint": "credit",
        "deployment": "blue",
        "instance": "3f2a9c17d0be",
        "method": "POST",
        "status": 200,
        "reason": "",
        "model_status": None,
        "request_bytes": 100,
        "response_bytes": 10,
    }
    return Request(time=ended - duration_ms / 1000, duration_ms=duration_ms, **{**usual, **fields})


def line(ended: float, **columns: Any) -> str:
    """A line as the gateway writes it, of a request that took 8 ms."""
    began = datetime.fromtimestamp(ended - 0.008, UTC)
    row = {
        "TimeGenerated": f"{began:%Y-%m-%dT%H:%M:%S}.{began.microsecond // 1000:03d}Z",
        "Method": "POST",
        "Path": "/api/v1/endpoint/credit/score",
        "EndpointName": "credit",
        "DeploymentName": "blue",
        "Instance": "3f2a9c17d0be",
        "Protocol": "HTTP/1.1",
        "ResponseCode": 200,
        "ResponseCodeReason": "-",
        "ModelStatusCode": None,
        "RequestPayloadSize": 100,
        "ResponsePayloadSize": 10,
        "XRequestId": f"request at {ended}",
        "TotalDurationMs": 8,
        **columns,
    }
    return json.dumps(row) + "\n"


def log(folder: Path, *copies: Iterable[str]) -> list[Path]:
    """A rotated log of lines, the oldest copy first."""
    files = [folder / (f"access.log.{number}" if number else "access.log") for number in reversed(range(len(copies)))]
    for file, lines in zip(files, copies, strict=True):
        file.write_text("".join(lines))
    return files
