"""HTML reports in a real Chromium: they ask for nothing, run nothing, and can be read by everybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.core.address import Address
from reconciler.core.failure import Failure
from reconciler.core.plan import Action, FieldChange, Plan, Step
from reconciler.render.html import apply_html, plan_html
from reconciler.render.html_findings import drift_html, failure_html
from tests import reports
from tests.browser import Chromium
from tests.hostile_reports import EVIL, LENGTH, report_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


def usual() -> dict[str, str]:
    """Reports as a team has them."""
    made = reports.plan()
    told: dict[str, Any] = {"warnings": reports.WARNINGS, "drifts": reports.drifts(), "blame": reports.blame(made)}
    return {
        "plan": plan_html(made, **told),
        "apply": apply_html(made, reports.outcomes(made), **told),
        "drift": drift_html(reports.drifts(), recorded=reports.RECORDED, target="prod"),
        "failure": failure_html(Failure("plan", "prod", 1, "", reports.WARNINGS, made)),
    }


SKELETON = """() => [...document.querySelectorAll('*')].map(
    element => [element.tagName, ...element.getAttributeNames().sort()].join(' '))"""


def skeleton(page: "Page") -> list[str]:
    return page.evaluate(SKELETON)


def settled(page: "Page") -> None:
    page.wait_for_load_state("networkidle")


@contextmanager
def counting_server() -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", list(usual()))
def test_a_report_asks_for_nothing_and_the_browser_has_nothing_to_say(chromium: Chromium, form: str):
    seen = chromium.look(usual()[form], settled)
    assert (seen.said, seen.asked, seen.dialogs) == ([], [], [])


def test_a_page_that_asks_is_seen_and_the_policy_of_a_report_stops_it(chromium: Chromium):
    """Or the test above could not fail."""
    with counting_server() as (address, asked):
        page = usual()["plan"].replace("</main>", f"<script>alert('canary')</script><img src='{address}/x'></main>")
        unguarded = chromium.look(page, settled, unguarded=True)
        assert (unguarded.asked, unguarded.dialogs, asked) == ([f"{address}/x"], ["canary"], ["/x"])
        guarded = chromium.look(page, settled)
        assert (guarded.dialogs, asked) == ([], ["/x"])
        assert len([line for line in guarded.said if "Content Security Policy" in line]) == 2


@pytest.fixture(scope="module")
def harmless(chromium: Chromium) -> dict[str, list[str]]:
    """The elements of each report of a text that is as long as the hostile ones."""
    return {form: chromium.look(page, skeleton).answer for form, page in report_of("n" * LENGTH).items()}


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_what_others_wrote_adds_no_element_and_runs_nothing_even_without_the_policy(
    chromium: Chromium, harmless: dict[str, list[str]], evil: str
):
    """A report of hostile text has element for element what one of harmless text has."""
    for form, page in report_of(evil.ljust(LENGTH, "n")).items():
        seen = chromium.look(page, skeleton, unguarded=True)
        assert (seen.said, seen.asked, seen.dialogs) == ([], [], []), form
        if evil.isprintable():
            assert seen.answer == harmless[form], form


WORST = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = colour => {
        const [r, g, b] = numbers(colour).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const opaque = colour => colour !== 'none' && (numbers(colour)[3] ?? 1) === 1;
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            if (at.classList.contains('node') || at.classList.contains('group'))
                return getComputedStyle(at.querySelector('rect')).fill;
            if (at.classList.contains('graph') && !element.classList.contains('wave'))
                return getComputedStyle(at.querySelector('.band')).fill;
            if (opaque(getComputedStyle(at).backgroundColor)) return getComputedStyle(at).backgroundColor;
        }
    };
    const told = [];
    for (const element of document.querySelectorAll('body *')) {
        const says = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        if (!says || ['TITLE', 'DESC', 'STYLE'].includes(element.tagName.toUpperCase())) continue;
        const style = getComputedStyle(element);
        const pair = [light(element.ownerSVGElement ? style.fill : style.color), light(ground(element))].sort();
        const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        told.push([ratio, `${element.tagName}.${element.getAttribute('class')}: ${element.textContent.slice(0, 40)}`]);
    }
    return told.sort((one, other) => one[0] - other[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_its_ground_in_light_and_dark(chromium: Chromium, scheme: Any):
    for form, page in {**usual(), **report_of("name")}.items():
        told = chromium.look(page, lambda page: page.evaluate(WORST), scheme=scheme).answer
        assert len(told) > (5 if form == "message" else 15)
        assert [each for each in told if each[0] < 4.5] == [], form


def test_light_and_dark_are_two(chromium: Chromium):
    def ground(page: "Page") -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page = usual()["plan"]
    assert chromium.look(page, ground).answer != chromium.look(page, ground, scheme="dark").answer


WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.mark.parametrize("width", [390, 1160])
def test_nothing_runs_out_of_the_page_at_the_side(chromium: Chromium, width: int):
    wide = {f"wide {form}": page for form, page in report_of("W" * 70).items()}
    for form, page in {**usual(), **wide}.items():
        scrolled, shown = chromium.look(page, lambda page: page.evaluate(WIDTHS), width=width).answer
        assert scrolled <= shown == width, form


BOXES = """() => [...document.querySelectorAll('.node')].map(node => {
    const box = node.querySelector('rect').getBoundingClientRect();
    const drawn = node.querySelector('svg').getBoundingClientRect();
    return {href: node.getAttribute('href'), left: box.left, right: box.right, top: box.top, bottom: box.bottom,
            drawn: drawn.width - box.width};
})"""
LINES = """() => [...document.querySelectorAll('.line')].map(line => {
    const at = length => { const point = line.getPointAtLength(length);
                           return point.matrixTransform(line.getScreenCTM()); };
    const [begin, end] = [at(0), at(line.getTotalLength())];
    return {from: line.dataset.from, to: line.dataset.to, x: begin.x, y: begin.y, toX: end.x, toY: end.y};
})"""


def test_the_picture_has_a_box_a_step_apart_from_the_others_and_lines_from_box_to_box(chromium: Chromium):
    made = reports.plan()
    seen = chromium.look(plan_html(made), lambda page: (page.evaluate(BOXES), page.evaluate(LINES)))
    boxes, lines = seen.answer
    by_id = {box["href"].removeprefix("#step-"): box for box in boxes}
    assert len(boxes) == len(by_id) == len(made.steps)
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            beside = box["right"] <= other["left"] or other["right"] <= box["left"]
            assert beside or box["bottom"] <= other["top"] or other["bottom"] <= box["top"]
    assert lines
    for line in lines:
        first, second = by_id[line["from"]], by_id[line["to"]]
        assert abs(line["x"] - first["right"]) < 3
        assert abs(line["toX"] - second["left"]) < 3
        assert first["top"] < line["y"] < first["bottom"]
        assert second["top"] < line["toY"] < second["bottom"]
        assert first["right"] < second["left"]


SHARES = """() => [...document.querySelectorAll('.bar')].map(bar => [...bar.querySelectorAll('.seg')].map(
    seg => seg.getBoundingClientRect().width / bar.getBoundingClientRect().width * 100))"""


@pytest.mark.parametrize("width", [390, 1160])
def test_bars_of_traffic_are_as_wide_as_the_shares_that_they_show(chromium: Chromium, width: int):
    shares = chromium.look(usual()["plan"], lambda page: page.evaluate(SHARES), width=width).answer
    wanted = [[90, 10], [100], [100], [80, 20], [100], [], [100], [10]]
    assert [len(bar) for bar in shares] == [len(bar) for bar in wanted]
    flat = zip((part for bar in shares for part in bar), (part for bar in wanted for part in bar), strict=True)
    assert all(abs(shown - share) < 0.5 for shown, share in flat)


def test_a_box_of_the_picture_leads_to_its_step(chromium: Chromium):
    def follow(page: "Page") -> tuple[str, bool]:
        page.focus('.node[href="#step-7"]')
        page.keyboard.press("Enter")
        page.wait_for_function("location.hash === '#step-7'")
        return page.evaluate("location.hash"), page.locator("#step-7").is_visible()

    assert chromium.look(usual()["plan"], follow).answer == ("#step-7", True)


def test_a_reader_that_hears_the_page_is_told_its_headings_tables_and_picture(chromium: Chromium):
    def heard(page: "Page") -> str:
        return page.locator("body").aria_snapshot()

    told = chromium.look(usual()["plan"], heard).answer
    for line in (
        '- heading "10 steps on prod" [level=1]',
        '- region "Picture of the plan"',
        """- 'group "Steps of the plan and what they wait for""",
        '- rowheader "blue"',
        '- columnheader "before"',
        '- cell "90 %"',
        """- 'link "#3 route endpoint/churn: traffic changed"'""",
    ):
        assert line in told


def test_on_paper_what_is_folded_is_there_and_the_ground_is_white(chromium: Chromium):
    long = plan_html(
        Plan(
            "t",
            "l",
            1,
            "",
            (Step(1, Action.UPDATE, Address("endpoint", "a"), "x", (FieldChange("d", "", "y" * 900),), {}, {}),),
        )
    )

    def printed(page: "Page") -> tuple[bool, str]:
        page.emulate_media(media="print", color_scheme="dark")
        height = page.evaluate("document.querySelector('.long > code').getBoundingClientRect().height")
        return height > 20, page.evaluate("getComputedStyle(document.body).color")

    assert chromium.look(long, printed, scheme="dark").answer == (True, "rgb(31, 35, 40)")
