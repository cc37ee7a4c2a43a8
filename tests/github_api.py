"""GitHub's REST API as far as reports need it, on loopback: its rules of who may what, pages, limits and refusals.

    with serving() as hub:
        token = hub.token("github-actions[bot]", issues="write")
        environ = hub.environ(token)

What is asked of it stands in `hub.asked`; what it is to answer instead of doing its work goes into `hub.instead`.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "team/models"
LONGEST = 65_536
_PAGE = 30


@dataclass(frozen=True)
class Holder:
    """Whom a token is of, and what it may do; that of an app, as a job's, ends with `[bot]`."""

    id: int
    login: str
    issues: str = "read"
    pulls: str = "read"

    @property
    def json(self) -> dict[str, Any]:
        return {"id": self.id, "login": self.login, "type": "Bot" if self.login.endswith("[bot]") else "User"}


@dataclass(frozen=True)
class Instead:
    """An answer in place of the right one.

    Args:
        when: the begin of `METHOD path`.
        after: whether the work is done nevertheless, so that only the answer is lost.
    """

    when: str
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


Answer = tuple[int, Any, dict[str, str]]


class Hub:
    """The state of a GitHub with one repository."""

    def __init__(self) -> None:
        self.url = ""
        self.holders: dict[str, Holder] = {}
        self.issues: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, dict[str, Any]] = {}
        self.commits: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.instead: list[Instead] = []
        self.meanwhile: Callable[[str], None] = lambda _asked: None
        self._ids, self._numbers = count(1000), count(1)
        self.lock = threading.RLock()

    def token(self, login: str, *, issues: str = "read", pulls: str = "read") -> str:
        """A new token of a user or an app."""
        known = {holder.login: holder.id for holder in self.holders.values()}
        token = f"ghs_{next(self._ids)}secret"
        self.holders[token] = Holder(known.get(login) or next(self._ids), login, issues, pulls)
        return token

    def environ(self, token: str) -> dict[str, str]:
        """The variables of a job that has the token."""
        return {
            "GITHUB_API_URL": self.url,
            "GITHUB_GRAPHQL_URL": f"{self.url}/graphql",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": token,
        }

    def pull(self, *, login: str = "ana", merged_as: str = "") -> int:
        """A new pull request, merged or not; every one is an issue, too."""
        number = self.issue(login, "Blue has three instances", "", pull_request={"url": "…"})
        if merged_as:
            told = {"number": number, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": merged_as}
            self.commits.setdefault(merged_as, []).append(told)
        return number

    def issue(self, login: str, title: str, body: str, **more: Any) -> int:
        number = next(self._numbers)
        made = {"number": number, "title": title, "body": body, "state": "open", "labels": [], **more}
        url = f"https://github.com/{REPOSITORY}/issues/{number}"
        self.issues[number] = {**made, "user": self._user(login), "html_url": url}
        return number

    def comment(self, number: int, login: str, body: str) -> int:
        """A comment that somebody wrote."""
        made = next(self._ids)
        url = f"https://github.com/{REPOSITORY}/issues/{number}#issuecomment-{made}"
        self.comments[made] = {"id": made, "issue": number, "user": self._user(login), "body": body, "html_url": url}
        return made

    def bodies(self, number: int) -> list[str]:
        """The comments of an issue, the eldest first."""
        return [each["body"] for each in self.comments.values() if each["issue"] == number]

    def writes(self) -> list[str]:
        """What was asked that changes anything."""
        return [each for each in self.asked if not each.startswith("GET") and "/graphql" not in each]

    def _user(self, login: str) -> dict[str, Any]:
        holder = next((each for each in self.holders.values() if each.login == login), None)
        return holder.json if holder else Holder(hash(login) % 10**6, login).json


class _Asked:
    """One request."""

    def __init__(self, hub: Hub, holder: Holder, path: str, query: dict[str, str], body: Any) -> None:
        self.hub, self.holder, self.path, self.query, self.body = hub, holder, path, query, body or {}

    def issue_list(self) -> Answer:
        found = [each for each in self.hub.issues.values() if self._wanted(each)]
        return self._page(sorted(found, key=lambda each: -each["number"]))

    def _wanted(self, issue: dict[str, Any]) -> bool:
        state, creator = self.query.get("state", "open"), self.query.get("creator")
        labels = set(filter(None, self.query.get("labels", "").split(",")))
        return (
            state in (issue["state"], "all")
            and creator in (None, issue["user"]["login"])
            and labels <= {each["name"] for each in issue["labels"]}
        )

    def issue_create(self) -> Answer:
        if refused := self._may_write("issues") or self._too_long("Issue"):
            return refused
        number = self.hub.issue(self.holder.login, self.body["title"], self.body.get("body") or "")
        self.hub.issues[number]["labels"] = [{"name": name} for name in self.body.get("labels", ())]
        return 201, self.hub.issues[number], {}

    def issue_change(self, number: str) -> Answer:
        found = self.hub.issues.get(int(number))
        if refused := self._may_write("issues") or self._too_long("Issue"):
            return refused
        if found is None:
            return _not_found()
        found.update({key: self.body[key] for key in ("title", "body", "state", "state_reason") if key in self.body})
        return 200, found, {}

    def comment_list(self, number: str) -> Answer:
        if int(number) not in self.hub.issues:
            return _not_found()
        found = [each for each in self.hub.comments.values() if each["issue"] == int(number)]
        return self._page(sorted(found, key=lambda each: each["id"]))

    def comment_create(self, number: str) -> Answer:
        if int(number) not in self.hub.issues:
            return _not_found()
        of_a_pull = "pull_request" in self.hub.issues[int(number)]
        if refused := self._may_write("pulls" if of_a_pull else "issues") or self._too_long("IssueComment"):
            return refused
        return 201, self.hub.comments[self.hub.comment(int(number), self.holder.login, self.body["body"])], {}

    def comment_change(self, number: str) -> Answer:
        if refused := self._may_write_comment(number) or self._too_long("IssueComment"):
            return refused
        self.hub.comments[int(number)]["body"] = self.body["body"]
        return 200, self.hub.comments[int(number)], {}

    def comment_delete(self, number: str) -> Answer:
        if refused := self._may_write_comment(number):
            return refused
        del self.hub.comments[int(number)]
        return 204, None, {}

    def commit_pulls(self, sha: str) -> Answer:
        return self._page(self.hub.commits.get(sha, []))

    def _may_write_comment(self, number: str) -> Answer | None:
        """Who may write in a repository may change what others wrote."""
        found = self.hub.comments.get(int(number))
        if found is None:
            return _not_found()
        return self._may_write("pulls" if "pull_request" in self.hub.issues[found["issue"]] else "issues")

    def _may_write(self, what: str) -> Answer | None:
        if "write" in (getattr(self.holder, what), self.holder.issues if what == "pulls" else ""):
            return None
        return 403, {"message": "Resource not accessible by integration", "status": "403"}, {}

    def _too_long(self, resource: str) -> Answer | None:
        if len(self.body.get("body") or "") <= LONGEST:
            return None
        message = f"body is too long (maximum is {LONGEST} characters)"
        error = {"resource": resource, "code": "custom", "field": "body", "message": message}
        return 422, {"message": "Validation Failed", "errors": [error]}, {}

    def _page(self, items: list[Any]) -> Answer:
        size, page = min(int(self.query.get("per_page", _PAGE)), 100), int(self.query.get("page", 1))
        last = max(1, -(-len(items) // size))
        headers = {}
        if page < last:
            given = {**self.query, "per_page": size}
            told = [(page + 1, "next"), (last, "last")]
            links = [f'<{self._at({**given, "page": number})}>; rel="{rel}"' for number, rel in told]
            headers = {"Link": ", ".join(links)}
        return 200, items[(page - 1) * size : page * size], headers

    def _at(self, query: dict[str, Any]) -> str:
        return f"{self.hub.url}{self.path}?" + "&".join(f"{key}={value}" for key, value in query.items())


_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", r"/issues", _Asked.issue_list),
    ("POST", r"/issues", _Asked.issue_create),
    ("PATCH", r"/issues/(\d+)", _Asked.issue_change),
    ("GET", r"/issues/(\d+)/comments", _Asked.comment_list),
    ("POST", r"/issues/(\d+)/comments", _Asked.comment_create),
    ("PATCH", r"/issues/comments/(\d+)", _Asked.comment_change),
    ("DELETE", r"/issues/comments/(\d+)", _Asked.comment_delete),
    ("GET", r"/commits/(\w+)/pulls", _Asked.commit_pulls),
)


def _not_found() -> Answer:
    return 404, {"message": "Not Found", "status": "404"}, {}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = f"{self.command} {self.path}"
        with self.hub.lock:
            self.hub.asked.append(asked)
            instead = next((each for each in self.hub.instead if asked.startswith(each.when)), None)
            if instead:
                self.hub.instead.remove(instead)
            answer = self._right(json.loads(body) if body else None) if not instead or instead.after else None
            self.hub.meanwhile(asked)
        if instead and instead.status == 0:
            self.close_connection = True  # the answer is lost with the connection
            self.connection.close()
            return
        self._send(*((instead.status, instead.body, instead.headers) if instead else answer or _not_found()))

    do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the names that the server calls

    def _right(self, body: Any) -> Answer:
        if not self.headers.get("user-agent"):
            return 403, {"message": "Request forbidden by administrative rules."}, {}
        holder = self.hub.holders.get(self.headers.get("authorization", "").removeprefix("Bearer "))
        if holder is None:
            return 401, {"message": "Bad credentials", "status": "401"}, {}
        place = urlsplit(self.path)
        if (self.command, place.path) == ("POST", "/graphql"):
            assert body == {"query": "{viewer{login databaseId}}"}
            return 200, {"data": {"viewer": {"login": holder.login, "databaseId": holder.id}}}, {}
        query = {key: values[0] for key, values in parse_qs(place.query).items()}
        below = place.path.removeprefix(f"/repos/{REPOSITORY}")
        for method, form, route in _ROUTES:
            found = re.fullmatch(form, below)
            if method == self.command and found and below != place.path:
                return route(_Asked(self.hub, holder, place.path, query, body), *found.groups())
        return _not_found()

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Hub]:
    """A GitHub with nothing in it, on loopback, until the end of the block."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
