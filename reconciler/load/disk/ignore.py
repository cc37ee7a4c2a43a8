"""What an asset leaves out: `.amlignore`, else `.gitignore`, in the folder's root only, read as git reads it."""

import errno
import re
from collections.abc import Callable
from pathlib import Path

from reconciler.late import pattern
from reconciler.load.disk.listed import is_no_content
from reconciler.load.yaml.text import MAX_BYTES
from reconciler.record.files import open_regular

Ignored = Callable[[str, bool], bool]
"""Whether a file or folder, by its name relative to the root, is left out; True as second argument for folders."""


def ignored_in(folder: Path) -> Ignored:
    """The rules of an asset's folder.

    Raises:
        OSError: they cannot be read; without them, what was to be left out would count.
    """
    for name in (".amlignore", ".gitignore"):
        # Git follows no link here either; it could lead anywhere.
        if not (folder / name).is_file() or (folder / name).is_symlink():
            continue
        with open_regular(folder / name) as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError(errno.EFBIG, f"{name} is larger than {MAX_BYTES} bytes")
        return rules(data.decode("utf-8", "replace"))
    return rules("")


def rules(text: str) -> Ignored:
    """The rules that an ignore file holds; of several that fit, the last decides."""
    found = [rule for line in text.splitlines() if (rule := _rule(line))]

    def ignored(name: str, folder: bool) -> bool:  # noqa: FBT001  # called in one place, with both in a row
        if is_no_content(name):
            return True
        for expression, only_folders, keeps in reversed(found):
            if (folder or not only_folders) and expression.fullmatch(name):
                return not keeps
        return False

    return ignored


def _rule(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    """A line's pattern, whether it is for folders only, and whether it keeps what an earlier one left out."""
    line = re.sub(r"(?<!\\) +$", "", line.rstrip("\r"))
    if not line or line.startswith("#"):
        return None
    keeps = line.startswith("!")
    line = line[1:] if keeps else line
    only_folders = line.endswith("/")
    line = line.rstrip("/")
    anchored = "/" in line
    expression = _expression(line.removeprefix("/"))
    try:
        return re.compile(expression if anchored else rf"(?:.*/)?{expression}", re.DOTALL), only_folders, keeps
    except re.error:
        return None


def _expression(pattern: str) -> str:
    """A pattern of git as a regular expression."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        found, write = next((found, write) for part, write in _PARTS if (found := part.match(pattern, at)))
        parts.append(write(found))
        at = found.end()
    return "".join(parts)


_PARTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (pattern(r"^\*\*/"), lambda _: "(?:.*/)?"),
    (pattern(r"/\*\*/"), lambda _: "/(?:.*/)?"),
    (pattern(r"/\*\*$"), lambda _: "/.+"),
    (pattern(r"\*+"), lambda _: "[^/]*"),
    (pattern(r"\?"), lambda _: "[^/]"),
    (pattern(r"\[([!^]?)(\]?[^\]]*)\]"), lambda found: _class(found[1], found[2])),
    (pattern(r"\\(.)"), lambda found: re.escape(found[1])),
    (pattern(r"."), lambda found: re.escape(found[0])),
)


def _class(negation: str, characters: str) -> str:
    return f"[{'^' if negation else ''}" + re.sub(r"([\\\[\]])", r"\\\1", characters) + "]"
