"""The commands that bring reports to GitHub, from a job of Actions: github comment, issue, reviewed."""

import json
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.saying import put, say, warn
from reconciler.errors import MlopsError

if TYPE_CHECKING:
    from reconciler.operate.sticking import Stuck


class State(StrEnum):
    """What an issue is to be."""

    OPEN = "open"
    CLOSE = "close"


File = Annotated[Path, typer.Argument(metavar="FILE", help="A report in Markdown, as `--report markdown=FILE` has it.")]
Marker = Annotated[
    str, typer.Option("--marker", metavar="NAME", help="Mark the file by this name; by default it has a marker itself.")
]
Optional = Annotated[
    bool,
    typer.Option("--optional", help="Exit with 0 where the token may not write, as that of a fork's pull request."),
]


def comment(
    file: File,
    number: Annotated[
        int, typer.Option("--pull-request", metavar="N", min=0, help="Which one; by default the event's.")
    ] = 0,
    marker: Marker = "",
    optional: Optional = False,
) -> int:
    """Have a report in the one comment of a pull request that is kept up to date.

    It is known by the hidden marker in the report's first line, and only if the token's own user wrote it. Repository,
    event and token are those of the job: GITHUB_REPOSITORY, GITHUB_EVENT_PATH, and GITHUB_TOKEN, which needs
    `pull-requests: write`.

    \b
    Example:
      mlops plan --report markdown=plan.md && mlops github comment plan.md
    """
    from reconciler.operate import sticking  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.github import github  # noqa: PLC0415

    about = number or sticking.pull_request(_event())
    if about is None:
        say("No comment: the event is about no pull request.")
        return 0
    mark, text = sticking.marked(_text(file), _name(marker))
    return _told(f"Comment of #{about}", lambda: sticking.stick_comment(github(), about, mark, text), optional)


def issue(
    file: File,
    title: Annotated[str, typer.Option("--title", help="Of the issue.")],
    state: Annotated[State, typer.Option("--state", help="Whether what the report tells of is there.")],
    labels: Annotated[list[str] | None, typer.Option("--label", help="Given to a new issue; repeatable.")] = None,
    marker: Marker = "",
    optional: Optional = False,
) -> int:
    """Have a report in one open issue while what it tells of lasts.

    The first `--state open` opens it, each further one brings it up to date, and `--state close` closes it with the
    report as its last comment, if it is open. What comes back later begins a new one. It is known by the hidden marker
    and by who wrote it, as with `mlops github comment`; the token needs `issues: write`.

    \b
    Examples:
      mlops github issue drift.md --title "Drift in prod" --label drift --state open
      mlops github issue drift.md --title "Drift in prod" --state close
    """
    from reconciler.operate import sticking  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.github import github  # noqa: PLC0415

    mark, text = sticking.marked(_text(file), _name(marker))
    if state is State.CLOSE:
        return _told("Issue", lambda: sticking.close_issue(github(), mark, text), optional)
    named = tuple(labels or ())
    return _told("Issue", lambda: sticking.open_issue(github(), mark, text, title=title, labels=named), optional)


def reviewed(
    target: Annotated[str, typer.Option("--target", "-t", help="The target's name, as the report has it.")],
    commit: Annotated[str, typer.Option("--commit", help="The merged one.", envvar="GITHUB_SHA")],
    report: Annotated[str, typer.Option("--marker", metavar="NAME", help="Which report.")] = "plan",
) -> None:
    """Print the digest of the plan that was shown when the commit's pull request was reviewed.

    It is read from the comment that `mlops github comment` keeps there, and only if the token's own user wrote it.

    \b
    Example:
      mlops apply --auto-approve -t prod --digest "$(mlops github reviewed -t prod)"
    """
    from reconciler.operate import sticking  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.github import github  # noqa: PLC0415

    digest = sticking.reviewed(github(), commit, _name(report), target)
    if not digest:
        raise MlopsError(
            f"the pull request of commit {commit[:12]} shows no plan of target {target} by the token's user"
        )
    put(digest)


def _told(what: str, do: "Callable[[], Stuck]", optional: bool) -> int:
    """Do it, and say what became of it; what the token may not do is said plainly."""
    from reconciler.operate.github import ForbiddenError  # noqa: PLC0415

    try:
        stuck = do()
    except ForbiddenError as error:
        said = f"the token may not write here, as that of a fork's pull request may not: {error}"
        if not optional:
            raise ForbiddenError(said) from error
        warn(f"mlops: {said}")
        return 0
    say(f"{what}: {stuck.done} {stuck.url}".rstrip() + "." if stuck.done else f"{what}: there is none to close.")
    return 0


def _text(file: Path) -> str:
    from reconciler.record.files import open_regular  # noqa: PLC0415 - --help loads none of it

    try:
        with open_regular(file) as opened:
            return opened.read(16 << 20).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MlopsError(f"{file} cannot be read: {error}") from error


def _event() -> dict[str, Any]:
    """What the job's event says; empty where there is none."""
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        return {}
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise MlopsError(f"GITHUB_EVENT_PATH cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _name(word: str) -> str:
    if word and not (word.isascii() and word.replace("-", "").isalpha() and word.islower()):
        raise typer.BadParameter(f"{word!r} is no name of small letters and dashes", param_hint="--marker")
    return word
