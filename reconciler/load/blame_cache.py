"""Who wrote which line, kept: what a commit holds never changes, and neither does who wrote it.

Only what git told of commits is kept: nothing of files that lie about, and nothing of what a shallow clone does not
have.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.load.attribution import Line
from reconciler.load.cached_rows import keep_rows, read_rows


def known(folder: Path | None, lines: Collection[Line]) -> dict[Line, Blame]:
    """What is kept of some lines of commits' files."""
    keys = {_key(line): line for line in lines}
    return {keys[key]: Blame(*json.loads(told)) for key, told in read_rows(folder, "blame", keys).items()}


def learn(folder: Path | None, found: Mapping[Line, Blame]) -> None:
    """Keep who wrote some lines."""
    told = {line: [one.commit, one.author, one.date, one.summary] for line, one in found.items()}
    keep_rows(folder, "blame", {_key(line): json.dumps(each).encode() for line, each in told.items()})


def _key(line: Line) -> str:
    """A key of ASCII alone, whatever is in the path."""
    return json.dumps(line)
