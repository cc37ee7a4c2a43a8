"""What Markdown is made of here; foreign text stands in code alone, where nothing reads what it says.

There neither Markdown nor GitHub, with its mentions, references and links, takes anything for its own.
"""

import html
import re
from collections.abc import Iterable, Iterator

from reconciler.core.problem import Problem
from reconciler.render.values import log_line

COMMENT = 65_536
"""What a comment on GitHub holds at the most."""

_LONGEST_NAME = 120
# Words of our own, and names of fields: letters, with underscores that stand inside of words. In one way only: where a
# text could be taken apart in many, a word of forty letters would take days.
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:(?:_|[,;] ?| )[A-Za-z0-9]+)*[,;]? ?")


def words(text: str) -> str:
    """Words of our own as they are; whatever else, in code."""
    return text if _PLAIN.fullmatch(text) else code(text)


def code(text: str) -> str:
    """A code span that nothing in the text can end, and that a table does not split."""
    # A backslash right before the one that keeps a bar inside its cell would take its meaning away.
    text = log_line(text).replace("\\|", "\\ |").replace("|", "\\|")
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text or not text.strip() else f"`{text}`"


def name(text: str) -> str:
    """A name in code, cut where it is too long for a heading or a sentence."""
    return code(text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…")


def row(*cells: object) -> str:
    """One row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*cells: str, right: int = 0) -> list[str]:
    """The head of a table, of whose columns the first are aligned to the right."""
    return [row(*cells), f"|{'--:|' * right}{'---|' * (len(cells) - right)}"]


def folded(said: str, address: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines below a line of our own and an address, folded until somebody opens it."""
    yield from ("", f"<details><summary>{said} <code>{html.escape(log_line(address))}</code></summary>", "")
    yield from lines
    yield from ("", "</details>")


def fenced(lines: Iterable[str]) -> Iterator[str]:
    """Lines as code, whose fence none of them ends."""
    inert = [log_line(line) for line in lines]
    fence = "`" * max(3, *(len(run) + 1 for line in inert for run in re.findall("`+", line)), 3)
    yield f"{fence}text"
    yield from inert
    yield fence


def problem_row(problem: Problem) -> str:
    """A problem as a row of place, code and words."""
    place = f"{problem.file}:{problem.line}:{problem.column}"
    return row(code(place), code(problem.code), code(problem.message))


PROBLEMS = head("where", "code", "what is wrong, and what to do")
