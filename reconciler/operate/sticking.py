"""Reports that stay in one place on GitHub: a comment of a pull request, an issue; each known by its hidden first line.

Only what the token's own user wrote is believed, changed and removed: anybody may write the hidden line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.errors import MlopsError, TransientError
from reconciler.operate.github import AbsentError, GitHub, Viewer
from reconciler.render.marker import Marker, marker_of

LONGEST = 65_536
"""Characters that a comment or an issue may have."""

_TRIES = 3


@dataclass(frozen=True)
class Stuck:
    """What became of a report: `created`, `updated`, `unchanged`, `closed`, or empty where there was nothing to do."""

    done: str
    url: str = ""


def marked(text: str, report: str = "") -> tuple[Marker, str]:
    """A report's marker, and the report; one that has none gets one by the name that is given.

    Raises:
        MlopsError: it has neither, or is too long.
    """
    marker = Marker(report, "") if report else marker_of(text)
    if marker is None:
        raise MlopsError("the file begins with no hidden marker; make it by `--report markdown=FILE`, or give --marker")
    if report:
        text = f"{marker}\n{text}"
    if len(text) > LONGEST:
        raise MlopsError(f"the report has {len(text)} characters, and GitHub takes {LONGEST}")
    return marker, text


def stick_comment(github: GitHub, number: int, marker: Marker, text: str) -> Stuck:
    """Have the text in the one comment of a pull request that has its marker.

    Two jobs at once may both make one: whoever looks afterwards removes the younger.
    """
    viewer = github.viewer()
    where = f"issues/{number}/comments"

    def own() -> list[Mapping[str, Any]]:
        return sorted(_own(github.pages(where), viewer, marker), key=lambda each: int(each["id"]))

    def begin() -> Mapping[str, Any]:
        made: Mapping[str, Any] = github.create(where, {"body": text})
        return made

    (first, *younger), done = _there(own, begin)
    for each in younger:
        with suppress(AbsentError):  # another job was faster
            github.change("DELETE", f"issues/comments/{int(each['id'])}")
    if not _same(first.get("body"), text):
        github.change("PATCH", f"issues/comments/{int(first['id'])}", {"body": text})
        done = "updated"
    return Stuck(done, str(first.get("html_url", "")))


def open_issue(github: GitHub, marker: Marker, text: str, *, title: str, labels: tuple[str, ...]) -> Stuck:
    """Have the text in the one open issue that has its marker; one that was closed stays so, and a new one begins."""
    viewer = github.viewer()

    def begin() -> Mapping[str, Any]:
        made: Mapping[str, Any] = github.create("issues", {"title": title, "body": text, "labels": list(labels)})
        return made

    (first, *younger), done = _there(lambda: _issues(github, viewer, marker), begin)
    for each in younger:
        body = {"state": "closed", "state_reason": "not_planned"}
        github.change("PATCH", f"issues/{int(each['number'])}", body)
    if not _same(first.get("body"), text) or first.get("title") != title:
        github.change("PATCH", f"issues/{int(first['number'])}", {"title": title, "body": text})
        done = "updated"
    return Stuck(done, str(first.get("html_url", "")))


def close_issue(github: GitHub, marker: Marker, text: str) -> Stuck:
    """Close the open issue that has the marker, with a last comment, if there is one."""
    found = _issues(github, github.viewer(), marker)
    for each in found:
        number = int(each["number"])
        github.create(f"issues/{number}/comments", {"body": text})
        github.change("PATCH", f"issues/{number}", {"state": "closed", "state_reason": "completed"})
    return Stuck("closed" if found else "", str(found[0].get("html_url", "")) if found else "")


def reviewed(github: GitHub, commit: str, report: str, target: str) -> str:
    """The digest of the plan that the pull request of a merged commit showed; empty where there is none.

    Raises:
        MlopsError: the commit came with no pull request.
    """
    pulls = [
        each
        for each in github.pages(f"commits/{quote(commit, safe='')}/pulls")
        if each.get("merged_at") and each.get("merge_commit_sha") == commit
    ]
    if not pulls:
        raise MlopsError(f"commit {commit[:12]} was merged by no pull request, so no plan of it was reviewed")
    viewer, marker = github.viewer(), Marker(report, target)
    found = list(_own(github.pages(f"issues/{int(pulls[0]['number'])}/comments"), viewer, marker))
    seen = marker_of(str(found[0]["body"])) if found else None
    return seen.digest if seen else ""


def pull_request(event: Mapping[str, Any]) -> int | None:
    """The number of the pull request that an event is about; None where it is about none."""
    for key in ("pull_request", "issue"):
        about = event.get(key)
        if isinstance(about, Mapping) and (key == "pull_request" or about.get("pull_request")):
            number = about.get("number")
            return number if isinstance(number, int) else None
    return None


def _there(
    own: Callable[[], list[Mapping[str, Any]]], begin: Callable[[], Mapping[str, Any]]
) -> tuple[Sequence[Mapping[str, Any]], str]:
    """One's own, the eldest first, made if there is none; where an answer was lost, it may be there all the same."""
    for left in reversed(range(_TRIES)):
        if found := own():
            return found, "unchanged"
        try:
            made = begin()
        except TransientError:
            if not left:
                raise
        else:
            return own() or [made], "created"
    raise AssertionError("the last try returns or raises")


def _own(items: Iterator[Any], viewer: Viewer, marker: Marker) -> Iterator[Mapping[str, Any]]:
    for each in items:
        user, body = each.get("user") or {}, each.get("body")
        if user.get("id") == viewer.id and isinstance(body, str) and body.startswith(marker.key):
            yield each


def _issues(github: GitHub, viewer: Viewer, marker: Marker) -> list[Mapping[str, Any]]:
    """One's own open issues with the marker, the eldest first; GitHub lists pull requests among them."""
    found = _own(github.pages(f"issues?state=open&creator={quote(viewer.login, safe='')}"), viewer, marker)
    return sorted((each for each in found if "pull_request" not in each), key=lambda each: int(each["number"]))


def _same(body: Any, text: str) -> bool:
    return isinstance(body, str) and body.replace("\r\n", "\n").rstrip() == text.rstrip()
