"""A real Chromium, in which tests see a page as a reader does.

Where there is none, the tests that need it are skipped by name, or fail where `MLOPS_REQUIRE=chromium` is set.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.engine.fixtures import lacking

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)


@dataclass
class Seen:
    """What came of a look: what it answered, and what the page did besides, all of which a report should not."""

    answer: Any = None
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


class Chromium:
    """One browser; a look is a page of its own.

    It lives in a thread of its own, as Playwright leaves a running event loop in the thread that it is started in.
    """

    def __init__(self, folder: Path, executable: str) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1)
        self._playwright, self._browser = self._thread.submit(self._start, executable).result()

    def look(
        self,
        html: str,
        see: Callable[["Page"], Any] = lambda _page: None,
        *,
        width: int = 1160,
        scheme: Literal["light", "dark"] = "light",
        unguarded: bool = False,
    ) -> Seen:
        """Open a document from a file and see what a function of the page answers.

        Args:
            html: the document.
            see: asks the page.
            width: of the window.
            scheme: what the reader prefers.
            unguarded: whether the page's own policy is out of force, so that its escaping alone must hold.
        """
        file = self._folder / "page.html"
        file.write_text(html, encoding="utf-8")
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "bypass_csp": unguarded}
        return self._thread.submit(_look, self._browser, file.as_uri(), see, options).result()

    def close(self) -> None:
        """End the browser, and what drives it."""
        self._thread.submit(lambda: (self._browser.close(), self._playwright.stop())).result()
        self._thread.shutdown()

    @staticmethod
    def _start(executable: str) -> Any:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - 200 ms, which other tests do without

        playwright = sync_playwright().start()
        return playwright, playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))


def _look(browser: "Browser", url: str, see: Callable[["Page"], Any], options: dict[str, Any]) -> Seen:
    seen = Seen()
    context = browser.new_context(**options)
    try:
        page = context.new_page()
        page.on("console", lambda message: seen.said.append(message.text))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(url)
        seen.answer = see(page)
    finally:
        context.close()
    # The document itself; a browser that asked for it once more would show a second time.
    seen.asked.remove(url)
    return seen


def executable() -> str:
    """Where Chromium is; empty where there is none."""
    return shutil.which("chromium") or ""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all tests of a process."""
    if not executable():
        lacking("there is no chromium on PATH", "chromium")
    browser = Chromium(tmp_path_factory.mktemp("browser"), executable())
    yield browser
    browser.close()
