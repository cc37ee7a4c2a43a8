"""Takes the pictures that README shows of reports and of a comment: `make screenshots`.

Beside them lies what each was taken of, by digest, so that a test can tell whether they are of the present renderers:
pixels differ from machine to machine, as fonts do.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

sys.path.insert(0, str(Path(__file__).parent.parent))
from reconciler.render.html import apply_html, plan_html
from reconciler.render.html_findings import drift_html
from reconciler.render.markdown import plan_markdown
from tests import reports
from tests.browser import Chromium, executable

PICTURES = Path(__file__).parent.parent / ".github" / "pictures"
DIGESTS = PICTURES / "taken-of.json"
SCHEMES = ("light", "dark")
WIDTH = 1000

# A comment as GitHub frames and styles it, near enough for who wants to know what comes of it.
COMMENT_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--head:#f6f8fa;--line:#d1d9e0;--text:#1f2328;--soft:#59636e;--code:#818b981f}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--head:#151b23;--line:#3d444d;--text:#f0f6fc;--soft:#9198a1;
--code:#656c7633}}
body{margin:0;padding:20px;background:var(--bg);color:var(--text);font:14px/1.5 "Segoe UI",Helvetica,Arial,sans-serif}
.comment{border:1px solid var(--line);border-radius:6px}
.by{padding:9px 16px;border-bottom:1px solid var(--line);border-radius:6px 6px 0 0;background:var(--head);
color:var(--soft)}
.by b{color:var(--text)}.bot{margin-left:6px;padding:1px 7px;border:1px solid var(--line);border-radius:99px;
font-size:12px}
.body{padding:16px}
h3{margin:0 0 12px;font-size:17.5px}
table{border-collapse:collapse;margin:0 0 14px}
th,td{padding:6px 13px;border:1px solid var(--line)}
th{font-weight:600}tr:nth-child(2n) td{background:var(--head)}
code{padding:.2em .4em;border-radius:6px;background:var(--code);
font:85% ui-monospace,Menlo,Consolas,"Liberation Mono",monospace}
pre{padding:14px;border-radius:6px;background:var(--head);overflow:auto}pre code{padding:0;background:none}
details{margin:0 0 10px}summary{cursor:pointer}
"""


def documents() -> dict[str, str]:
    """What the pictures are taken of, each by its name."""
    made = reports.plan()
    told: dict[str, Any] = {"warnings": reports.WARNINGS, "blame": reports.blame(made)}
    return {
        "comment": comment(plan_markdown(made, **told)),
        "plan": plan_html(made, **told),
        "apply": apply_html(made, reports.outcomes(made), **told),
        "drift": drift_html(reports.drifts(), recorded=reports.RECORDED, target="prod"),
    }


def comment(markdown: str) -> str:
    """A comment as it stands on the page of a pull request; one of its folded parts is open, to show what is there."""
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>comment</title><style>{COMMENT_STYLE}</style>'
        '<div class="comment"><div class="by"><b>github-actions</b><span class="bot">bot</span> commented</div>'
        f'<div class="body">{html.replace("<details><summary>3:", "<details open><summary>3:", 1)}</div></div></html>'
    )


def digests() -> dict[str, str]:
    """What each document is known by."""
    return {name: hashlib.sha256(page.encode()).hexdigest() for name, page in documents().items()}


def take(browser: Chromium, folder: Path, names: Iterable[str], schemes: Iterable[str] = SCHEMES) -> None:
    """Take the pictures of these documents, of the upper part that tells at a glance what it is about."""
    pages = documents()
    for name in names:
        for scheme in schemes:
            file = folder / f"{name}-{scheme}.png"
            browser.look(pages[name], lambda page, file=file: _shoot(page, file), width=WIDTH, scheme=scheme)


def _shoot(page: Any, file: Path) -> None:
    page.set_viewport_size({"width": WIDTH, "height": min(1440, page.evaluate("document.body.scrollHeight"))})
    page.screenshot(path=file, animations="disabled")


def main() -> None:
    """Take all pictures anew."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        browser = Chromium(Path(folder), executable())
        try:
            take(browser, PICTURES, documents())
        finally:
            browser.close()
    DIGESTS.write_text(json.dumps(digests(), indent=2) + "\n")


if __name__ == "__main__":
    main()
