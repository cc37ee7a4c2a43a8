"""Who wrote which line, kept: what a commit holds never changes, and neither does who wrote it.

Only what git told of commits is kept: nothing of files that lie about, and nothing of what a shallow clone does not
have. The files of a commit are kept in parts, so that neither all of them nor each by itself is to be read.
"""

import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.load.authorship.attribution import File
from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.caching.shaped_rows import of_json, read_values

Written = dict[File, dict[int, Blame]]
"""By file of a commit and number of a line, who wrote it."""

# As many as make a part of a hundred files of ten thousand.
_PARTS = 128
_SHAPE = ([(str, str, str, str)], [(str, int, [int])])


def known(folder: Path | None, files: Collection[File]) -> Written:
    """What is kept of some files, and of those that are in one part with them."""
    met: dict[str, Blame] = {}  # one commit wrote many lines, and each of them has the same blame

    def of_part(key: str, row: bytes) -> dict[File, dict[int, Blame]]:
        commit, found = key.partition(" ")[0], dict[File, dict[int, Blame]]()
        told, runs = of_json(row, _SHAPE)
        blames = [met.get(each[0]) or met.setdefault(each[0], Blame(*each)) for each in told]
        for path, which, numbers in runs:
            found.setdefault((commit, path), {}).update(dict.fromkeys(numbers, blames[which]))
        return found

    several = read_values(folder, "blame", set(map(_key, files)), of_part).values()
    return {file: lines for each in several for file, lines in each.items()}


def learn(folder: Path | None, found: Written, new: Collection[File]) -> None:
    """Keep who wrote some lines.

    Args:
        folder: where it is kept.
        found: what is known of files, with all that is kept in one part with new ones.
        new: the files of which more is known than is kept.
    """
    keys = set(map(_key, new))
    parts: dict[str, dict[str, dict[int, Blame]]] = {key: {} for key in keys}
    for file, lines in found.items() if keys else ():
        if (key := _key(file)) in keys:
            parts[key][file[1]] = lines
    keep_rows(folder, "blame", {key: _text(files) for key, files in parts.items()})


def _text(files: Mapping[str, Mapping[int, Blame]]) -> bytes:
    """Those who wrote lines, and the numbers of each one's in each file."""
    places: dict[Blame, int] = {}
    runs = [
        (path, places.setdefault(one, len(places)), numbers)
        for path, lines in files.items()
        for one, numbers in _by_writer(lines)
    ]
    return json.dumps([[(one.commit, one.author, one.date, one.summary) for one in places], runs]).encode()


def _by_writer(lines: Mapping[int, Blame]) -> Iterator[tuple[Blame, list[int]]]:
    """Those who wrote lines of one file, each with some in a row."""
    for one, some in groupby(lines.items(), key=lambda line: line[1]):
        yield one, [number for number, _ in some]


def _key(file: File) -> str:
    """A commit, and the part in which a path is: text of ASCII, whatever is in the path."""
    commit, path = file
    return f"{commit} {zlib.crc32(path.encode('utf-8', 'surrogatepass')) % _PARTS}"
