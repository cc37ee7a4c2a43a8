"""The hidden first line of a Markdown report, by which the comment that it is in is found again and brought up to date.

`<!-- mlops:plan target=prod digest=… -->`: which report it is, of which target, and of which plan.
"""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_LONGEST = 120
_FORM = re.compile(r"<!-- mlops:([a-z-]+) target=(\S*)(?: digest=([0-9a-f]+))? -->")


@dataclass(frozen=True)
class Marker:
    """What a report says of itself."""

    report: str
    target: str
    digest: str = ""

    @property
    def key(self) -> str:
        """How the line begins, the same for every report that takes this one's place."""
        return f"<!-- mlops:{self.report} target={_quoted(self.target)} "

    def __str__(self) -> str:
        return f"{self.key}{f'digest={self.digest} ' if self.digest else ''}-->"


def marker_of(text: str) -> Marker | None:
    """The marker of a report; None where it has none. Whether to trust it is for who knows who wrote the text."""
    found = _FORM.match(text)
    return Marker(found[1], unquote(found[2]), found[3] or "") if found else None


def _quoted(name: str) -> str:
    """A name without anything that could end the comment, or would make the line long."""
    quoted = quote(name, safe="", errors="replace").replace("--", "%2D%2D")
    if len(quoted) <= _LONGEST:
        return quoted
    return f"sha256.{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"
