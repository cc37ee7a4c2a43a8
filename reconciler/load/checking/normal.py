"""One spelling for what Azure takes in several: enumerations, versions, dates."""

from collections.abc import Mapping
from datetime import date
from typing import Any

_CHOICES = {
    "auth_mode": ("key", "aml_token", "aad_token"),
    "identity.type": ("system_assigned", "user_assigned", "none"),
    "type": ("managed", "kubernetes", "custom_model", "mlflow_model", "triton_model"),
    "model.type": ("custom_model", "mlflow_model", "triton_model"),
    "os_type": ("linux", "windows"),
    "environment.os_type": ("linux", "windows"),
    "public_network_access": ("enabled", "disabled"),
    "egress_public_network_access": ("enabled", "disabled"),
    "scale_settings.type": ("default", "target_utilization"),
    "data_collector.rolling_rate": ("minute", "hour", "day"),
}
_VERSIONS = ("version", "model.version", "environment.version")
_NAMED = frozenset(path.rpartition(".")[2] for path in (*_CHOICES, *_VERSIONS))


def normal(value: Any, written: Mapping[str, str], path: str = "") -> Any:
    """A copy of a valid document in which every value that has several spellings has one."""
    if isinstance(value, (dict, Mapping)):
        return {
            key: normal(item, written, f"{path}.{key}" if path else key)
            if key in _NAMED or not isinstance(item, (str, int))
            else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [normal(item, written, f"{path}.{index}") for index, item in enumerate(value)]
    if isinstance(value, date):
        return written.get(path) or value.isoformat()
    if path in _VERSIONS and isinstance(value, (int, float)):
        return str(value)
    return _chosen(value, _CHOICES[path]) if path in _CHOICES and isinstance(value, str) else value


def _chosen(value: str, choices: tuple[str, ...]) -> str:
    """The choice that is meant, its letters' case and underscores aside: `AADToken` is `aad_token`."""
    meant = value.replace("_", "").lower()
    return next((choice for choice in choices if choice.replace("_", "") == meant), value)
