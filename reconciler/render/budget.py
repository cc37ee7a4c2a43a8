"""A text within a budget: of several levels the first that fits whole; of rows, as many as fit.

Sizes are counted in UTF-8 bytes. GitHub counts characters of a comment and bytes of a summary; a text never has more
characters than bytes, in whichever way characters are counted, so that what fits here fits there.
"""

from collections.abc import Iterable, Iterator, Sequence


def size(line: str) -> int:
    """The bytes of a line with its end."""
    return len(line.encode("utf-8", "replace")) + 1


def first_fitting(levels: Iterable[Iterable[str]], budget: int) -> str:
    """The lines of the first level that fits, with one line end after the last; empty where none fits.

    A level is given up at the line that no longer fits, and may be lazy.
    """
    for level in levels:
        lines, room = [], budget
        for line in level:
            room -= size(line)
            if room < 0:
                break
            lines.append(line)
        else:
            return "\n".join(lines).rstrip("\n") + "\n"
    return ""


def with_rest(said: Sequence[str], table: Sequence[str], rows: Sequence[str], *, budget: int) -> list[str]:
    """What is said, and below it a table of as many of the rows as fit, with the count of those that do not."""
    if not rows:
        return list(said)
    room = budget - sum(map(size, [*said, *table]))
    if sum(map(size, rows)) <= room:
        return [*said, *table, *rows]
    room -= sum(map(size, _rest(len(rows))))
    taken = list(_fitting(rows, room))
    return [*said, *(table if taken else ()), *taken, *_rest(len(rows) - len(taken))]


def _fitting(rows: Sequence[str], room: int) -> Iterator[str]:
    for row in rows:
        room -= size(row)
        if room < 0:
            return
        yield row


def _rest(count: int) -> tuple[str, str]:
    return "", f"Left out: {count} more."
