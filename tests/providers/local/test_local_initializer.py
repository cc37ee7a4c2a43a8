"""The log of what is laid down before instances start."""

import json
from datetime import UTC, datetime

from reconciler.core.address import Address
from reconciler.providers.hosting.initializer import initializer_log

BLUE = Address.parse("deployment/credit/blue")


def told(path, *lines):
    with initializer_log(path, BLUE, now=lambda: datetime(2026, 1, 2, 3, 4, 5, 6789, UTC)) as tell:
        for line in lines:
            tell(line)


def test_a_line_is_a_row_of_the_console_log(tmp_path):
    told(tmp_path / "logs" / "x.jsonl", "model risk -> /models/1")
    assert json.loads((tmp_path / "logs" / "x.jsonl").read_text()) == {
        "TimeGenerated": "2026-01-02T03:04:05.006Z",
        "OperationName": "AmlOnlineEndpointConsoleLog",
        "InstanceId": "",
        "EndpointName": "credit",
        "DeploymentName": "blue",
        "ContainerName": "storage-initializer",
        "Message": "model risk -> /models/1",
    }


def test_what_was_told_before_stays_until_the_log_has_outgrown_its_limit(tmp_path):
    path = tmp_path / "x.jsonl"
    told(path, "one")
    told(path, "two")
    assert len(path.read_text().splitlines()) == 2
    told(path, *["x" * 2500] * 500)
    size = path.stat().st_size
    told(path, "anew")
    assert size > 1_000_000
    assert len(path.read_text().splitlines()) == 1
