"""Who wrote which line, kept: what a commit holds never changes, and neither does who wrote it.

Only what git told of commits is kept: nothing of files that lie about, and nothing of what a shallow clone does not
have.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.load.attribution import Line
from reconciler.load.cached_rows import keep_rows
from reconciler.load.shaped_rows import of_json, read_values

_SHAPE = ([(str, str, str, str)], [(int, int)])


def known(folder: Path | None, lines: Collection[Line]) -> dict[Line, Blame]:
    """What is kept of the files of commits in which some lines are."""
    files = {_key(commit, path): (commit, path) for commit, path in {line[:2] for line in lines}}
    met: dict[str, Blame] = {}  # one commit wrote many lines, and each of them has the same blame

    def of_lines(key: str, row: bytes) -> dict[Line, Blame]:
        told, numbers = of_json(row, _SHAPE)
        blames = [met.get(each[0]) or met.setdefault(each[0], Blame(*each)) for each in told]
        return {(*files[key], number): blames[which] for number, which in numbers}

    several = read_values(folder, "blame", files, of_lines).values()
    return {line: blame for each in several for line, blame in each.items()}


def learn(folder: Path | None, kept: Mapping[Line, Blame], found: Mapping[Line, Blame]) -> None:
    """Keep who wrote some lines, beside what is kept of the same files."""
    files: dict[tuple[str, str], dict[int, Blame]] = defaultdict(dict)
    new = {line[:2] for line in found}
    for (commit, path, number), one in chain(kept.items(), found.items()):
        if (commit, path) in new:
            files[commit, path][number] = one
    keep_rows(folder, "blame", {_key(*file): _text(lines) for file, lines in files.items()})


def _text(lines: Mapping[int, Blame]) -> bytes:
    """Those who wrote lines, and for each line which of them it was."""
    places = {one: place for place, one in enumerate(dict.fromkeys(lines.values()))}
    told = [(one.commit, one.author, one.date, one.summary) for one in places]
    return json.dumps([told, [(number, places[one]) for number, one in lines.items()]]).encode()


def _key(commit: str, path: str) -> str:
    """A key of ASCII alone, whatever is in the path."""
    return json.dumps([commit, path])
