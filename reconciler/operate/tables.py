"""The tables of the logs, by Azure's names: their columns, and what SQL reads of the files' JSON lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TRAFFIC = "AmlOnlineEndpointTrafficLog"
CONSOLE = "AmlOnlineEndpointConsoleLog"
EVENTS = "AmlOnlineEndpointEventLog"

_TEXTS, _NUMBERS = "VARCHAR", "BIGINT"


@dataclass(frozen=True)
class Table:
    """A table of logs.

    Args:
        columns: DuckDB's types by Azure's names; what no line has is NULL.
        derived: what a column is where a line does not have it, in SQL over `sources`.
        sources: names in the lines that are no columns.
    """

    columns: Mapping[str, str]
    derived: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


def _columns(texts: str, numbers: str = "") -> dict[str, str]:
    return {
        "TimeGenerated": "TIMESTAMP",
        **dict.fromkeys(texts.split(), _TEXTS),
        **dict.fromkeys(numbers.split(), _NUMBERS),
    }


TABLES: Mapping[str, Table] = {
    TRAFFIC: Table(
        _columns(
            "OperationName Method Path EndpointName DeploymentName InstanceId AuthType Protocol ResponseCodeReason "
            "ModelStatusReason UserAgent XRequestId XMSClientRequestId SubscriptionId AzureMLWorkspaceId "
            "AzureMLWorkspaceName Location IdentityData",
            "ResponseCode ModelStatusCode RequestPayloadSize ResponsePayloadSize TotalDurationMs RequestDurationMs "
            "ResponseDurationMs RequestThrottlingDelayMs ResponseThrottlingDelayMs",
        ),
        {"InstanceId": "Instance"},
        sources=("Instance",),
    ),
    CONSOLE: Table(_columns("OperationName EndpointName DeploymentName InstanceId ContainerName Message")),
    EVENTS: Table(_columns("OperationName EndpointName DeploymentName InstanceId Name Message")),
}
