"""Colour for the lines of a plan or a drift report, where a person looks at them in a terminal."""

import os
import sys

from reconciler.late import pattern

_MARKED = pattern(r"(?m)^  (?:#\d+ )?([-+~?!@]) .*$")
_COLOURS = {"+": "32", "-": "31", "~": "33", "?": "36", "!": "35", "@": "36"}


def coloured(text: str) -> str:
    """The text with each line that has a symbol in that symbol's colour; as it is when nobody sees colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return _MARKED.sub(lambda line: f"\x1b[{_COLOURS[line[1]]}m{line[0]}\x1b[0m", text)
