"""Foreign text on one line, so that it acts neither on a terminal nor on a runner of CI jobs."""

import re

_COMMAND = re.compile(r"^(\s*)::")
_MARK = re.compile(r"##(?=[A-Za-z]*\[)")


def printable(text: str) -> str:
    """The text with every character that is not printable spelled out, so that it cannot act on a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def log_line(text: str) -> str:
    """One line of a log, whatever is in it: it stays one, acts on no terminal, and is no command to a CI's runner.

    Runners take `::error::…` at a line's begin for one, and `##[error]…` or `##vso[…]` anywhere.
    """
    text = printable(text)
    # Most lines hold neither, and a large plan has many.
    text = _COMMAND.sub(r"\1: :", text) if "::" in text else text
    return _MARK.sub("# #", text) if "##" in text else text
