"""Foreign text, line by line, so that it acts neither on a terminal nor on a runner of CI jobs."""

from reconciler.late import pattern

_COMMAND = pattern(r"^(\s*)::")
_MARK = pattern(r"##(?=[A-Za-z]*\[)")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\n"
_COLOUR = pattern(r"(\x1b\[[0-9;]*m)")


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


def log_text(text: str) -> str:
    """A text for people, in a terminal or the log of a CI's job, each line as `log_line` has it."""
    if are_printable(text) and "::" not in text and "##" not in text:
        return text  # as nearly all are, and what is said of a large plan has a hundred thousand lines
    return "\n".join(map(log_line, text.split("\n")))


def are_printable(lines: str) -> bool:
    """Whether every character of some lines is, but for their ends."""
    # A text of megabytes is looked through in a quarter of the time where all of it is ASCII.
    if lines.isascii():
        return not lines.encode().translate(None, _PLAIN)
    return lines.replace("\n", "").isprintable()


def log_rows(text: str) -> str:
    """The same of rows of cells; the tabs between those stay, and no cell is a command, whichever comes first."""
    return "\n".join("\t".join(map(log_line, row.split("\t"))) for row in text.split("\n"))


def terminal_text(line: str) -> str:
    """One line of somebody's log for a terminal: its colours stay, whatever else would act is spelled out."""
    return "".join(part if _COLOUR.fullmatch(part) else printable(part) for part in _COLOUR.split(line))
