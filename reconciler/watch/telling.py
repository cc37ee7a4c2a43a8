"""What a watcher says: each thing once, in one line for people and as facts for programs."""

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.core.plan import Outcome
from reconciler.core.state import Drift, DriftClass
from reconciler.errors import ManifestError, MlopsError, ProviderError, StateError
from reconciler.render.text import outcomes_text
from reconciler.render.values import printable
from reconciler.watch.clone import Commit, GitOutageError
from reconciler.watch.deciding import Outage

Tell = Callable[[str, str, Mapping[str, Any]], None]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class Telling:
    """Says what is new of a topic, and not the same again.

    Args:
        tell: takes the kind of an event, its line for people, and its facts for programs.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._last: dict[str, str] = {}

    def say(self, kind: str, line: str, **facts: Any) -> None:
        """Say something."""
        self._tell(kind, printable(line) if "\n" not in line else line, facts)

    def once(self, topic: str, line: str, *, kind: str = "", **facts: Any) -> None:
        """Say something unless it was the last thing that was said of its topic, whose first word else is the kind."""
        if self._last.get(topic) != line:
            self._last[topic] = line
            self.say(kind or topic.partition(" ")[0], line, **facts)

    def over(self, topic: str) -> bool:
        """A topic of which there is no more to say; whether anything was said of it."""
        return self._last.pop(topic, None) is not None

    def commit(self, commit: Commit) -> None:
        """Say which commit came."""
        line = f"commit {commit.id[:12]} by {commit.author}: {commit.subject}"
        self.once("commit", printable(line), commit=commit.id, author=commit.author)

    def drift(self, found: Sequence[Drift]) -> None:
        """Say what is not as recorded."""
        names = [str(each.address) for each in found]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        if names:
            self.once("drift", f"drift: {', '.join(names[:5])}{more}", addresses=names)
        else:
            self.over("drift")


def drifted(drifts: Sequence[Drift]) -> list[Drift]:
    """Those that count."""
    return [drift for drift in drifts if drift.kind is not DriftClass.EXPECTED]


def outage_of(error: Exception) -> Outage:
    """What an error says cannot be reached or used."""
    if isinstance(error, GitOutageError):
        return Outage.GIT
    if isinstance(error, StateError):
        return Outage.STATE
    if isinstance(error, ProviderError):
        return Outage.PROVIDER
    return Outage.DISK if isinstance(error, OSError) and error.errno in _FULL else Outage.INTERNAL


def line_of(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, ManifestError):
        errors = [problem for problem in error.problems if problem.is_error] or error.problems
        more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
        return printable(f"the files are wrong: {errors[0]}{more}")
    said = " ".join(str(error).split()) or type(error).__name__
    return printable(said if isinstance(error, (MlopsError, OSError)) else f"{type(error).__name__}: {said}")


def done(outcomes: Sequence[Outcome]) -> str:
    """What an apply did."""
    return outcomes_text(outcomes).strip()
