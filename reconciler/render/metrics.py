"""Metrics as a table: one line a value, with what it is of."""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.render.answers import answer_text

_OWN_COLUMN = ("endpoint", "deployment")


def metrics_text(metrics: Sequence[Mapping[str, Any]], window: str) -> str:
    """The metrics as the table that the Azure CLI would print; `window` says over which time, such as `5m`.

    Args:
        metrics: mappings of `name`, `labels` and `value`.
    """
    lines = (
        [] if any(each["name"] == "RequestsPerMinute" for each in metrics) else [f"no requests in the last {window}"]
    )
    if metrics:
        lines.append(answer_text([_row(each) for each in metrics], "table"))
    return "\n".join(lines)


def _row(metric: Mapping[str, Any]) -> dict[str, str]:
    labels: Mapping[str, str] = metric["labels"]
    dimensions = " ".join(f"{name}={value}" for name, value in labels.items() if name not in _OWN_COLUMN and value)
    return {
        "Metric": metric["name"],
        "Endpoint": labels.get("endpoint") or "-",
        "Deployment": labels.get("deployment") or "-",
        "Dimensions": dimensions or "-",
        "Value": f"{metric['value']:,.2f}".removesuffix(".00"),
    }
