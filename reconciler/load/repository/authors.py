"""What commits say of themselves: who, when, and why; `.mailmap`, which a pull request may change, has no say."""

from collections.abc import Collection
from datetime import UTC, datetime

from reconciler.core.blame import Blame
from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.repository.direct import Direct

_AUTHOR = pattern(rb"(?P<name>.*?) ?<(?P<mail>[^>]*)>(?: (?P<time>-?\d{1,19}))?.*")
_LONGEST_NAME, _LONGEST_SUMMARY = 80, 200


@dataclass(frozen=True)
class Author:
    """A commit as a blame has it, and whether it says that it follows others."""

    blame: Blame
    follows: bool


def authors(git: Direct, commits: Collection[str]) -> dict[str, Author]:
    """What each of some commits says of itself.

    Raises:
        Unanswered: one is not there.
    """
    ids = list(commits)
    return {commit: _author(commit, text) for commit, text in zip(ids, git.contents(ids), strict=True)}


def _author(commit: str, text: bytes) -> Author:
    head, _, message = text.partition(b"\n\n")
    headers = dict(reversed([line.split(b" ", 1) for line in head.split(b"\n") if b" " in line]))
    coding = headers.get(b"encoding", b"utf-8").decode("ascii", "replace")
    found = _AUTHOR.fullmatch(headers.get(b"author", b""))
    name, mail, time = found.group("name", "mail", "time") if found else (b"", b"", b"")
    summary = message.strip().partition(b"\n")[0]
    blame = Blame(
        commit,
        _text(name or mail, coding)[:_LONGEST_NAME] or "nobody",
        _date(time),
        _text(summary, coding)[:_LONGEST_SUMMARY],
    )
    return Author(blame, follows=b"parent" in headers)


def _text(data: bytes, coding: str) -> str:
    try:
        text = data.decode(coding)
    except (LookupError, UnicodeError):
        text = data.decode("utf-8", "replace")
    return text.strip()


def _date(time: bytes | None) -> str:
    try:
        return datetime.fromtimestamp(int(time or b""), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""
