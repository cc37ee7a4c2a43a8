"""The parse cache: what a file of known content holds, so that it is neither parsed nor checked again.

It is keyed by git's blob id, in a cache of the code and schemas that would read the file.
"""

from collections.abc import Mapping
from pathlib import Path

from reconciler.load.caching.cached_rows import keep_rows, read_rows
from reconciler.load.caching.shaped_rows import MISSHAPEN, formed
from reconciler.load.reading import Reading
from reconciler.load.reading_text import readings


def known(folder: Path | None, files: Mapping[str, bytes]) -> dict[str, Reading]:
    """What the cache knows of these files, given by blob id."""
    rows = read_rows(folder, "parsed", files)
    try:
        return dict(zip(rows, readings(list(rows.values()), [files[blob] for blob in rows]), strict=True))
    except MISSHAPEN:
        return formed(rows, lambda blob, text: next(readings([text], [files[blob]])))


def learn(folder: Path | None, texts: Mapping[str, bytes]) -> None:
    """Keep the texts of readings, by blob id; what was read with problems has none."""
    keep_rows(folder, "parsed", {blob: text for blob, text in texts.items() if text})
