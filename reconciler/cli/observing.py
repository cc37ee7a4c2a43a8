"""The commands that observe: metrics, logs, and SQL over logs."""

import contextlib
import time
from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.saying import foreign_lines, put, put_line, say, warn
from reconciler.cli.wishes import address_of
from reconciler.errors import MlopsError
from reconciler.render.values import json_text


class MetricsForm(StrEnum):
    """How metrics are printed."""

    TABLE = "table"
    JSON = "json"
    PROMETHEUS = "prometheus"


class RowsForm(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    TSV = "tsv"
    CSV = "csv"


def metrics(
    endpoint: Annotated[str, typer.Argument(metavar="[ENDPOINT]", help="Name of an endpoint; by default all.")] = "",
    window: Annotated[str, typer.Option("--window", metavar="SPAN", help="How far back: 90s, 5m, 12h, 30d.")] = "5m",
    output: Annotated[MetricsForm, typer.Option("--output", "-o", help="How to print it.")] = MetricsForm.TABLE,
    target: o.Target = None,
) -> None:
    """Show the metrics of endpoints and instances.

    By Azure's names and dimensions: RequestsPerMinute, RequestLatency and its percentiles in milliseconds,
    NetworkBytes a second, DeploymentCapacity, CpuUtilizationPercentage (100 is one core),
    CpuMemoryUtilizationPercentage (of the machine's memory). Latencies are of requests that came to a deployment.

    \b
    Examples:
      mlops metrics
      mlops metrics credit --window 1h
      mlops metrics -o prometheus
    """
    from reconciler.operate.measure import as_json, measured  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.metrics import exposition  # noqa: PLC0415
    from reconciler.operate.times import span_of  # noqa: PLC0415
    from reconciler.render.metrics import metrics_text  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    window_s = span_of(window, "--window")
    name = endpoint.removeprefix("endpoint/").lower()
    with open_workspace(target) as workspace:
        found = measured(workspace, window_s=window_s, endpoint=name)
    if output is MetricsForm.PROMETHEUS:
        put(exposition(found.samples).removesuffix("\n"))
        return
    told = as_json(found)
    if output is MetricsForm.JSON:
        put(json_text(told))
    else:
        say(metrics_text(told["metrics"], window))


def logs(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="deployment/ENDPOINT/NAME")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is yet to come.")] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From then on: 10m ago, or 2026-01-31T12:00:00Z.")
    ] = "",
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail", "--lines", "-l", metavar="N", min=0, help="Lines of every instance; 100, or all with --since."
        ),
    ] = None,
    instance: Annotated[
        str, typer.Option("--instance", metavar="NAME", help="Of this one, also once it is gone.")
    ] = "",
    container: Annotated[
        str, typer.Option("--container", "-c", help="inference-server or storage-initializer.")
    ] = "inference-server",
    target: o.Target = None,
) -> None:
    """Print what a deployment's instances wrote.

    What score.py prints and logs, and tracebacks; or what was laid down for it by the storage-initializer.
    `mlops logs query` asks all that is kept in SQL.

    \b
    Examples:
      mlops logs deployment/credit/blue
      mlops logs deployment/credit/blue -f
      mlops logs deployment/credit/blue --since 10m --instance 3f2a9c17d0be
      mlops logs deployment/credit/blue --container storage-initializer
    """
    from reconciler.operate.logs import Wish, log_lines  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.times import point_of  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    deployment = address_of(address)
    if deployment.kind != "deployment":
        raise MlopsError(f"{address} has no logs; deployments have: deployment/ENDPOINT/NAME")
    begin = point_of(since, "--since", now=time.time()) if since else None
    wish = Wish(deployment, instance, container, begin, tail, follow)
    with open_workspace(target) as workspace, contextlib.suppress(KeyboardInterrupt), foreign_lines():
        for line in log_lines(workspace, wish):
            put_line(line, flush=follow)


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, in DuckDB's dialect.")],
    output: Annotated[RowsForm, typer.Option("--output", "-o", help="How to print it.")] = RowsForm.TABLE,
    target: o.Target = None,
) -> None:
    """Ask the kept logs in SQL.

    The tables have Azure's names and columns: AmlOnlineEndpointTrafficLog, AmlOnlineEndpointConsoleLog and
    AmlOnlineEndpointEventLog. TimeGenerated is in UTC. `DESCRIBE` lists the columns of a table.

    \b
    Examples:
      mlops logs query "SELECT ResponseCode, count(*) FROM AmlOnlineEndpointTrafficLog GROUP BY ALL"
      mlops logs query "SELECT Message FROM AmlOnlineEndpointEventLog WHERE TimeGenerated > now() - INTERVAL 1 HOUR"
      mlops logs query "DESCRIBE AmlOnlineEndpointConsoleLog" -o csv
    """
    from reconciler.operate.access import table_source  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.query import query as asked  # noqa: PLC0415
    from reconciler.render.rows import rows_text  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        found = asked(table_source(workspace).tables(), sql)
    text = rows_text(found.columns, found.rows, output)
    if text:
        put(text, rows=output == "tsv")
    if not found.rows:
        warn("mlops: no rows")
