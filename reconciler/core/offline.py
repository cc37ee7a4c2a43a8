"""Whether the environment forbids every connection."""

from collections.abc import Mapping

OFFLINE = "MLOPS_OFFLINE"
_NO = frozenset({"", "0", "false", "no", "off", "n", "f"})


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether no connection may be opened; what the command line takes for a no is one here."""
    return environ.get(OFFLINE, "").lower() not in _NO
