"""GitHub's REST API as far as reports need it: bounded in time, tried again where that helps, and never redirected."""

import http.client
import json
import math
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from reconciler import __version__
from reconciler.core.offline import OFFLINE, is_offline
from reconciler.errors import MlopsError, ProviderError, RefusedError, TransientError

API = "https://api.github.com"
_TIMEOUT_S = 30.0
_MOST = 10 << 20
_PAGES = 1000
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
_WITHOUT_A_WORD_S = 60.0
_LOST = 600
"""Stands for the status of an answer that did not come; whether it was done is not known, as with 500 and above."""

_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="next"')
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ForbiddenError(ProviderError):
    """The token may not do this, as one of a fork's pull request, which can read alone."""


class AbsentError(ProviderError):
    """There is no such thing, or not for this token."""


@dataclass(frozen=True)
class Viewer:
    """Whose the token is; comments and issues of anybody else are not believed."""

    id: int
    login: str


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class GitHub:
    """One repository on GitHub, as the holder of a token sees it.

    Args:
        api: address of the REST API.
        graphql: address of the other one, which alone tells whose an app's token is.
        repository: `OWNER/NAME`.
        token: never shown.
        patience_s: how long to wait, all in all, for an API that has no time.
    """

    api: str
    graphql: str
    repository: str
    token: str = field(repr=False)
    patience_s: float = 300.0
    wait: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def get(self, path: str) -> Any:
        """What is at a path below the repository."""
        return self._asked("GET", self._url(path)).body

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a list, page by page."""
        url = self._url(f"{path}{'&' if '?' in path else '?'}per_page=100")
        for _ in range(_PAGES):
            answer = self._asked("GET", url)
            if not isinstance(answer.body, list) or not all(isinstance(each, dict) for each in answer.body):
                raise ProviderError(f"GitHub answers {_path(url)} with something else than a list of things")
            yield from answer.body
            found = _NEXT.search(answer.headers.get("link", ""))
            if not found:
                return
            url = self._of_the_api(found[1])
        raise ProviderError(f"{_path(url)} has more than {_PAGES} pages")

    def change(self, method: str, path: str, body: Any = None) -> Any:
        """PATCH or DELETE something, which may be done twice without harm."""
        return self._asked(method, self._url(path), body).body

    def create(self, path: str, body: Any) -> Any:
        """POST something new, once.

        Raises:
            TransientError: nobody knows whether it is there.
        """
        return self._asked("POST", self._url(path), body, once=True).body

    def viewer(self) -> Viewer:
        """Whose the token is."""
        found: Any = self._asked("POST", self.graphql, {"query": "{viewer{login databaseId}}"}).body
        for name in ("data", "viewer"):
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(found.get("databaseId"), int):
            raise ProviderError("GitHub does not tell whose the token is, so no comment can be known for one's own")
        return Viewer(found["databaseId"], str(found.get("login", "")))

    def _url(self, path: str) -> str:
        return f"{self.api}/repos/{self.repository}/{path}"

    def _of_the_api(self, url: str) -> str:
        """An address that an answer gave, which gets the token only if it is the API's."""
        if urlsplit(url)[:2] != urlsplit(self.api)[:2]:
            raise ProviderError(f"GitHub's next page is elsewhere, on {urlsplit(url).netloc}, and is not asked for")
        return url

    def _asked(self, method: str, url: str, body: Any = None, *, once: bool = False) -> _Answer:
        """Ask, and ask again while the API has no time; a creation only where it was refused for sure."""
        left, pauses = self.patience_s, iter(_PAUSES_S)
        while True:
            answer = self._sent(method, url, body)
            if answer.status < 300:
                return answer
            why = _refused(method, url, answer)
            pause = self._pause(answer, pauses, once=once)
            if pause is None:
                raise why
            if pause > left:
                raise ProviderError(f"{why}; it asks to wait {pause:.0f} seconds, and {left:.0f} are left")
            left -= pause
            self.wait(pause)

    def _pause(self, answer: _Answer, pauses: Iterator[float], *, once: bool) -> float | None:
        """How long to wait before asking again; None where that would not help, or might do a thing twice."""
        if answer.status >= 500:
            return None if once else next(pauses, None)
        if not _limited(answer):
            return None
        with suppress(ValueError):
            if "retry-after" in answer.headers:
                return max(_number(answer.headers["retry-after"]), 1.0)
            if answer.headers.get("x-ratelimit-remaining") == "0":
                return max(_number(answer.headers.get("x-ratelimit-reset", "")) - self.now(), 1.0)
        return _WITHOUT_A_WORD_S

    def _sent(self, method: str, url: str, body: Any) -> _Answer:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": f"mlops/{__version__}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - `github` looked at its scheme
        opener = urllib.request.build_opener(_Straight)
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as response:
                return _answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", error)
            return _Answer(_LOST, {}, {"message": f"no answer, {why}"})


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirection, which would take the token along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def github(environ: Mapping[str, str] = os.environ, **more: Any) -> GitHub:
    """The repository that a job of GitHub Actions is in.

    Raises:
        RefusedError: the environment forbids connections.
        MlopsError: it is not said which repository, or there is no token.
    """
    if is_offline(environ):
        raise RefusedError(f"{OFFLINE} is set, and this asks GitHub")
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise MlopsError("GITHUB_REPOSITORY names no repository; outside of GitHub Actions set it to OWNER/NAME")
    token = (environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or "").strip()
    if not token:
        raise MlopsError("there is no token; give the step `env: {GITHUB_TOKEN: ${{ github.token }}}`")
    api = (environ.get("GITHUB_API_URL") or API).rstrip("/")
    graphql = environ.get("GITHUB_GRAPHQL_URL") or f"{api.removesuffix('/v3')}/graphql"
    for name, url in (("GITHUB_API_URL", api), ("GITHUB_GRAPHQL_URL", graphql)):
        place = urlsplit(url)
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in _LOOPBACK):
            raise RefusedError(f"{name} is {url}, and a token is sent by https alone")
    return GitHub(api, graphql, repository, token, **more)


def _answer(response: Any) -> _Answer:
    data = response.read(_MOST + 1)
    if len(data) > _MOST:
        raise ProviderError(f"GitHub answers with more than {_MOST} bytes")
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        return _Answer(response.status, headers, json.loads(data) if data else None)
    except (ValueError, RecursionError):
        return _Answer(response.status, headers, None)


def _number(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("no time to wait for")
    return found


def _limited(answer: _Answer) -> bool:
    """Whether a refusal is one of too many requests: both limits come as 403 or 429."""
    if answer.status == 429:
        return True
    told = {"retry-after" in answer.headers, answer.headers.get("x-ratelimit-remaining") == "0"}
    return answer.status == 403 and (True in told or "rate limit" in _message(answer).lower())


def _refused(method: str, url: str, answer: _Answer) -> ProviderError:
    said = f"GitHub answers {method} {_path(url)} with {answer.status}: {_message(answer)}"
    if answer.status == _LOST:
        said = f"GitHub gives {method} {_path(url)} {_message(answer)}"
    if answer.status == 401:
        return ProviderError(f"{said}; the token is not valid, or no longer")
    if answer.status == 403 and not _limited(answer):
        return ForbiddenError(said)
    if answer.status in (404, 410):
        return AbsentError(said)
    if answer.status >= 500:
        return TransientError(said, maybe_done=True)
    if 300 <= answer.status < 400:
        return ProviderError(f"{said}; is the repository's name another by now?")
    return ProviderError(said)


def _message(answer: _Answer) -> str:
    """What it says, without the addresses of its documentation."""
    if not isinstance(answer.body, dict):
        return "no words"
    errors = answer.body.get("errors")
    more = [
        str(each.get("message") or each.get("code")) if isinstance(each, dict) else str(each)
        for each in (errors if isinstance(errors, list) else ())
    ]
    return ", ".join([str(answer.body.get("message", "no words")), *more])[:500]


def _path(url: str) -> str:
    return urlsplit(url).path
