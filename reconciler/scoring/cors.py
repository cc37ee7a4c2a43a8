"""Cross-origin requests (AML_CORS_ORIGINS), answered as flask-cors answers them in Azure's server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from reconciler.scoring.messages import RawHeaders

METHODS = b"GET, POST"
# An origin with one of these is a regular expression that must fit the beginning, and "*" fits all.
PATTERN_SIGNS = frozenset("*\\\\?$^[]()")


class Cors:
    """The headers for the origins that may ask.

    Args:
        origins: a comma-separated list of origins, regular expressions or `*`.

    Raises:
        ValueError: one of them is no regular expression.
    """

    def __init__(self, origins: str) -> None:
        listed = [origin.strip() for origin in origins.split(",")]
        self._all = "*" in listed
        self._plain = sorted(origin for origin in listed if not PATTERN_SIGNS & set(origin))
        self._matches = [_match(origin) for origin in listed]
        self._varies = len(listed) > 1 or not self._plain

    def headers(self, method: str, sent: RawHeaders) -> Iterator[tuple[bytes, bytes]]:
        """Yield what the answer to a request of these headers says to a browser."""
        found = {name: value for name, value in sent if name.startswith((b"origin", b"access-control-"))}
        allowed = self._allowed(found.get(b"origin", b"").decode("latin-1"))
        if not allowed:
            return
        yield from ((b"access-control-allow-origin", origin.encode("latin-1")) for origin in allowed)
        wanted = found.get(b"access-control-request-method", b"").upper()
        if method == "OPTIONS" and wanted and wanted in METHODS:
            names = sorted(name.strip() for name in found.get(b"access-control-request-headers", b"").split(b","))
            if any(names):
                yield b"access-control-allow-headers", b", ".join(names)
            yield b"access-control-allow-methods", METHODS
        if self._varies and allowed != ["*"]:
            yield b"vary", b"Origin"

    def _allowed(self, origin: str) -> list[str]:
        if not origin:
            return ["*"] if self._all else self._plain
        return [origin] if any(match(origin) for match in self._matches) else []


def _match(allowed: str) -> Callable[[str], object]:
    if not PATTERN_SIGNS & set(allowed):
        return lambda origin: origin.casefold() == allowed.casefold()
    try:
        return re.compile(".*" if allowed == "*" else allowed, re.IGNORECASE).match
    except re.error as error:
        raise ValueError(f"{allowed!r} is not a regular expression: {error}") from error
