"""What an HTML report holds, by its text: pictures, bars, fields, places, and nothing of what others wrote as HTML."""

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from test_sinks import BOUNDED, TOLD, Told, is_inert

from reconciler.core.address import Address
from reconciler.core.failure import Failure
from reconciler.core.plan import Action, Became, FieldChange, Outcome, Plan, Recovery, Result, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass, State
from reconciler.render.html import apply_html, plan_html
from reconciler.render.html_findings import drift_html, failure_html
from reconciler.render.html_graph import MOST_GROUPS, MOST_STEPS
from reconciler.render.html_layout import direct, waves
from reconciler.render.html_traffic import MOST_SHIFTS
from tests import reports
from tests.builders import blue, deployment, endpoint, model, plan_of, recorded
from tests.hostile_reports import EVIL, report_of

VOID = {"meta", "link", "br", "rect", "path", "use"}


class Document(HTMLParser):
    """A document as a tree of (tag, attributes) in a flat list, and the text below each class."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[list[str], str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], "elements that nothing ends"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} says {names} twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        around = [f"{tag}.{name}" for tag, attrs in self.open for name in (attrs.get("class") or "").split() or [""]]
        self.texts.append((around, data))

    def of(self, look: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a class."""
        return [attrs for _, attrs in self.elements if look in (attrs.get("class") or "").split()]

    def tags(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.elements)

    def text(self, within: str = "") -> str:
        """All text inside of what a tag and class name, as `span.place`; scripts and styles are none."""
        told = [data for around, data in self.texts if "style." not in around and (not within or within in around)]
        return " ".join(" ".join(told).split())


def plan_doc(plan: Plan, **more) -> Document:
    return Document(plan_html(plan, **more))


def cut_off(**more) -> Plan:
    lost = Recovery(
        "op", "scale", blue().address, "2026-02-03T12:04:31Z", (FieldChange("instance_count", 1, 3),), Became.NOT_DONE
    )
    return replace(plan_of([endpoint()], recorded(endpoint())), recovery=(lost,), **more)


def large(endpoints: int) -> Plan:
    """A new world of three steps an endpoint, and a model."""
    made = [model()]
    for number in range(endpoints):
        name = f"e{number:04}"
        made += [endpoint(name, traffic={"blue": 100}), deployment("blue", endpoint_name=name, model="azureml:risk:1")]
    return plan_of(made, State())


def test_a_report_is_one_file_that_loads_nothing_and_runs_nothing():
    made = reports.plan()
    for said in (
        plan_html(made),
        apply_html(made, reports.outcomes(made)),
        drift_html(reports.drifts(), recorded=11, target="prod"),
    ):
        document = Document(said)
        assert not set(document.tags()) & {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "form",
            "base",
            "image",
        }
        (policy,) = (a["content"] for t, a in document.elements if t == "meta" and "http-equiv" in a)
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        leads = [attrs[name] for _, attrs in document.elements for name in ("href", "src") if name in attrs]
        assert all(lead and lead.startswith("#") for lead in leads)
        assert "@import" not in said
        assert said.count("url(") == said.count("url(#tip)")


def test_every_link_leads_somewhere_and_every_id_is_one():
    made = reports.plan()
    for document in (plan_doc(made), Document(apply_html(made, reports.outcomes(made))), plan_doc(large(100))):
        ids = [attrs["id"] for _, attrs in document.elements if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert {attrs["href"] for _, attrs in document.elements if "href" in attrs} <= {f"#{name}" for name in ids}


def test_the_head_tells_how_many_steps_do_what_and_where():
    document = plan_doc(reports.plan())
    assert document.text("h1.") == "10 steps on prod"
    assert document.text("li.tile") == "3 to create 2 to scale 1 to roll out 3 to route 1 to delete"
    assert document.text("p.lede").startswith("Plan: 3 to create, 2 to scale")


def test_a_plan_without_steps_says_so_and_draws_nothing():
    document = plan_doc(plan_of([endpoint()], recorded(endpoint())))
    assert document.text("h1.").startswith("No changes on")
    assert document.tags()["article"] == 0
    assert document.of("graph") == []


def test_the_picture_has_a_box_a_step_and_a_line_for_each_direct_need():
    made = reports.plan()
    document = plan_doc(made)
    assert [node["href"] for node in document.of("node")] == [f"#step-{step.id}" for step in made.steps]
    lines = {(int(line["data-from"]), int(line["data-to"])) for line in document.of("line")}
    assert lines == {(need, step) for step, needs in direct(made.steps).items() for need in needs}
    assert document.text("svg.graph").startswith("Steps of the plan and what they wait for 10 steps in 3 waves")


def test_what_is_needed_by_way_of_another_step_has_no_line_of_its_own():
    state = recorded(endpoint(), blue(model="azureml:risk:1"))
    made = plan_of([endpoint(traffic={"blue": 100}), blue(model="azureml:risk:2", instance_count=3)], state)
    assert [step.needs for step in made.steps] == [(), (1,), (1, 2)]
    assert direct(made.steps) == {1: frozenset(), 2: {1}, 3: {2}}
    assert waves(made.steps) == {1: 0, 2: 1, 3: 2}


def test_a_step_is_told_apart_by_word_and_sign_and_not_by_colour_alone():
    made = reports.plan()
    document = plan_doc(made)
    words = "create scale route delete create scale roll out route create route"
    assert document.text("text.does") == words
    signs = Counter(attrs["href"] for tag, attrs in document.elements if tag == "use")
    assert signs["#i-delete"] >= 2
    assert len({f"#i-{action}" for action in Action} & set(signs)) == 5


def test_an_apply_shows_how_each_step_ended_with_its_message_and_the_end_of_its_log():
    made = reports.plan()
    document = Document(apply_html(made, reports.outcomes(made)))
    assert document.text("h1.") == "1 of 10 steps failed on prod"
    assert document.text("li.tile") == "8 succeeded 1 failed 1 skipped"
    looks = Counter((node["class"] or "").split()[1] for node in document.of("node"))
    assert looks == {"k-succeeded": 8, "k-failed": 1, "k-skipped": 1}
    assert (
        document.text("p.message")
        == "not ready within 600 s not ready within 600 s waits for #5, which did not succeed"
    )
    assert document.text("section.bad").startswith("Did not succeed #5 failed create deployment/credit/green not ready")
    assert document.text().index("Did not succeed") < document.text().index("10 steps in 3 waves, from")
    assert document.text("pre.").endswith("ValueError: node array from the pickle has an incompatible dtype")
    assert "failed, 600.4 s" in document.text("text.why")


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ((Result.SUCCEEDED, Result.SUCCEEDED), "2 steps done"),
        ((Result.UNKNOWN, Result.SKIPPED), "1 of 2 steps ended nobody knows how"),
        ((Result.SUCCEEDED,), "1 of 2 steps not begun"),
        ((), "2 of 2 steps not begun"),
    ],
)
def test_the_title_of_an_apply_tells_the_worst(results: tuple[Result, ...], said: str):
    made = plan_of([endpoint(), blue()], State())
    outcomes = [Outcome(step, result) for step, result in zip(made.steps, results, strict=False)]
    assert Document(apply_html(made, outcomes)).text("h1.") == f"{said} on test"


def test_fields_show_before_after_place_and_who_wrote_it():
    made = reports.plan()
    document = plan_doc(made, blame=reports.blame(made))
    assert "manifests/churn/green.yml:4" in document.text("span.place")
    assert "b81e6a5d93f0 Ben Okafor" in document.text("span.by")
    assert "not committed" in document.text("span.by")
    assert any("Retire churn's blue" in (by["title"] or "") for by in document.of("by"))
    assert document.text("code.was").split()[:3] == ["1", "90", "10"]
    assert document.text("code.will").split()[:3] == ["3", "(none)", "100"]


def test_a_new_resource_has_values_and_no_empty_column_for_what_was():
    document = plan_doc(plan_of([endpoint(), blue(model="azureml:risk:1")], State()))
    assert "value" in document.text("thead.")
    assert "before" not in document.text("thead.")


def test_a_changed_list_shows_the_items_that_came_and_went():
    def wanted(*packages):
        return blue(environment={"conda_file": {"dependencies": list(packages)}})

    made = plan_of([endpoint(), wanted("numpy=2", "scipy")], recorded(endpoint(), wanted("numpy=1", "scipy")))
    document = plan_doc(made)
    assert document.text("code.was") == "numpy=1"
    assert document.text("code.will") == "numpy=2"


def test_secrets_are_numbered_and_never_shown():
    values = {"A": "hunter2", "B": "hunter2", "C": "other"}
    said = plan_html(plan_of([endpoint(), blue(environment_variables=values)], State()))
    assert "hunter2" not in said
    assert (said.count("(secret 1)"), said.count("(secret 2)")) == (2, 1)


def test_the_rest_of_a_long_value_is_folded_and_the_longest_is_cut():
    document = plan_doc(plan_of([endpoint(description="x" * 3000, tags={"a": "y" * 9000})], State()))
    assert len(document.of("long")) == 2
    assert "x" * 3000 in document.text()
    assert "y" * 5000 not in document.text()
    assert "and 5,000 more characters" in document.text()


def test_traffic_shows_as_bars_before_and_after_with_names_and_percents():
    document = plan_doc(reports.plan())
    assert [seg["style"] for seg in document.of("seg")][:3] == ["width:90%", "width:10%", "width:100%"]
    assert document.text("span.seg").startswith("blue 90 % 10 % green 100 %")
    assert "shadow, mirrored 0 % 10 %" in document.text("table.shares")


def test_drifted_traffic_shows_recorded_beside_live_and_what_others_get():
    fields = (FieldChange("traffic.blue", 60, 20), FieldChange("traffic.green", 20, 60))
    drift = Drift(endpoint().address, DriftClass.CHANGED, fields)
    document = Document(drift_html([drift], recorded=3, target="dev"))
    assert document.text("table.shares") == (
        "deployment recorded live blue 60 % 20 % green 20 % 60 % (others) 20 % 20 %"
    )


@pytest.mark.parametrize("share", ["50", True, -5, 101, 1e9, None, {"a": 1}])
def test_a_share_that_is_none_is_in_the_fields_and_in_no_bar(share: object):
    drift = Drift(endpoint().address, DriftClass.CHANGED, (FieldChange("traffic.blue", 100, share),))
    document = Document(drift_html([drift], recorded=1, target="dev"))
    assert [seg["style"] for seg in document.of("seg")] == ["width:100%"]
    assert document.of("fields")


def test_of_many_endpoints_those_that_had_traffic_come_first_and_most_are_folded():
    names = [f"e{number:02}" for number in range(50)]
    state = recorded(endpoint("e49", traffic={"a": 100}), *(endpoint(name) for name in names[:-1]))
    document = plan_doc(plan_of([endpoint(name, traffic={"b": 100}) for name in names], state))
    assert len(document.of("shift")) == MOST_SHIFTS
    assert document.text("figcaption.").startswith("e49 e00 e01")
    assert "34 more endpoints" in document.text("summary.")
    assert "Traffic of 10 more endpoints moves, too" in document.text()


def test_a_plan_that_moves_no_traffic_has_no_bars():
    state = recorded(endpoint(traffic={"blue": 100}), blue())
    document = plan_doc(plan_of([endpoint(traffic={"blue": 100}), blue(instance_count=3)], state))
    assert document.of("bar") == []


def test_a_drift_report_tells_class_note_fields_and_what_to_do():
    document = Document(drift_html(reports.drifts(), recorded=11, target="prod"))
    assert document.text("h1.") == "5 resources drifted on prod"
    assert document.text("li.tile") == "2 changed 1 missing 1 unmanaged 1 label 1 expected"
    assert "autoscaled between 2 and 6" in document.text("article.drifted")
    assert document.text("p.lede").count("`") == 0
    heads = document.text("thead.")
    assert (heads.count("recorded live"), heads.count("pinned now")) == (4, 1)


def test_a_drift_report_names_the_instances_that_do_not_say_what_they_serve():
    document = Document(
        drift_html([], recorded=2, target="prod", silent=("deployment/credit/blue, instance 1: timeout",))
    )
    assert document.text("section.warn") == (
        "Not known what is served: 1 instance deployment/credit/blue, instance 1: timeout"
    )


def test_without_drift_that_counts_a_report_says_so():
    expected = [drift for drift in reports.drifts() if drift.kind is DriftClass.EXPECTED]
    document = Document(drift_html(expected, recorded=11, target="prod"))
    assert document.text("h1.") == "No drift on prod"
    assert (document.text("code.plain"), document.text("code.odd")) == ("3", "5")


def test_what_asks_for_attention_comes_before_the_steps():
    made = reports.plan()
    said = plan_html(made, warnings=reports.WARNINGS, drifts=reports.drifts())
    assert "W-PROBE" in said
    assert "Live is not as recorded: 6 resources" in said
    assert said.index("W-PROBE") < said.index("Live is not as recorded") < said.index('id="h-steps"')
    assert "an operation" not in said


def test_recovery_and_progress_are_told_apart():
    holder = {"user": "ana", "host": "laptop", "pid": 7, "command": "mlops apply", "started": "2026-02-03T12:04:31Z"}
    lost, at_work = plan_doc(cut_off()).text(), plan_doc(cut_off(holder=holder)).text()
    assert "1 operation without an end" in lost
    assert "as it looks, it was not done" in lost
    assert "in progress by ana@laptop (pid 7, mlops apply)" in at_work
    assert "without an end" not in at_work


def test_the_foot_tells_digest_tree_state_and_pins():
    made = replace(reports.plan(), offline=True, against="origin/main:manifests")
    told = plan_doc(made).text()
    for fact in (
        made.digest,
        made.tree,
        "lineage-1, serial 7",
        "not asked",
        "origin/main:manifests",
        "risk@latest",
        "risk:4",
    ):
        assert fact in told


def test_a_command_that_came_to_nothing_says_why_and_shows_what_was_refused():
    wrong = Problem("manifests/credit/blue.yml", 7, 1, "E-INTEGER", '"two" is not an integer')
    document = Document(failure_html(Failure("plan", "prod", 1, "1 problem", (wrong, *reports.WARNINGS))))
    assert document.text("h1.") == "Plan failed on prod"
    assert "1 problem E-INTEGER" in document.text("section.bad")
    assert "1 warning W-PROBE" in document.text("section.warn")
    refused = Document(failure_html(Failure("apply", "prod", 4, "E-QUOTA: too much\nask for more", (), reports.plan())))
    assert refused.text("p.bad") == "E-QUOTA: too much ask for more"
    assert len(refused.of("node")) == 10


def test_headings_skip_no_level_and_every_head_of_a_table_says_of_what():
    made = reports.plan()
    for document in (
        plan_doc(made, warnings=reports.WARNINGS, drifts=reports.drifts()),
        plan_doc(cut_off()),
        Document(apply_html(made, reports.outcomes(made))),
        Document(drift_html(reports.drifts(), recorded=11, target="prod", recovery=cut_off().recovery)),
        Document(failure_html(Failure("apply", "prod", 4, "no", reports.WARNINGS, made))),
    ):
        levels = [int(tag[1]) for tag, _ in document.elements if tag in ("h1", "h2", "h3", "h4")]
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))
        assert all(attrs.get("scope") in ("row", "col") for tag, attrs in document.elements if tag == "th")


def test_of_too_many_steps_each_endpoint_is_one_box_and_words_say_so():
    made = large(100)
    document = plan_doc(made)
    assert len(made.steps) > MOST_STEPS
    assert document.of("node") == []
    assert len(document.of("group")) == MOST_GROUPS
    assert "301 steps are too many to be drawn one by one" in document.text()
    assert "41 more are in the list below" in document.text()
    assert document.tags()["article"] == 301
    assert all("open" not in part for part in document.of("lane") if "id" in part)


def test_of_a_large_apply_the_parts_with_what_failed_are_open():
    made = large(100)
    outcomes = [Outcome(step, Result.FAILED if step.id == 200 else Result.SUCCEEDED) for step in made.steps]
    document = Document(apply_html(made, outcomes))
    (opened,) = (part["id"] for part in document.of("lane") if "open" in part)
    assert document.of("group")[0]["href"] == f"#{opened}"


def test_a_report_of_five_thousand_steps_stays_a_file_that_opens():
    made = large(1667)
    assert len(made.steps) > 5000
    said = plan_html(made)
    assert len(said) < 6_000_000
    assert Document(said).tags()["article"] == len(made.steps)


def test_fields_beyond_what_a_page_can_take_are_counted_and_not_written():
    tags = {f"t{number}": "x" for number in range(6500)}
    document = plan_doc(plan_of([endpoint("a", tags=tags), endpoint("b", tags={"late": "x"})], State()))
    assert document.tags()["tr"] == 6001
    assert "1 field, which the plan as JSON or text tells" in document.text()


OURS = {
    *(
        "html",
        "br",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "main",
        "section",
        "article",
        "footer",
        "figure",
    ),
    *("figcaption", "h1", "h2", "h3", "h4", "p", "ul", "li", "b", "span", "div", "code", "pre", "a", "details"),
    *("summary", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd"),
    *("svg", "symbol", "path", "use", "rect", "text", "desc", "defs", "marker", "g"),
}
NAMES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "style", "href", "title", "open", "scope"),
    *("role", "tabindex", "aria-label", "aria-labelledby", "aria-hidden", "d", "x", "y", "rx", "width", "height"),
    *("viewbox", "refx", "refy", "markerwidth", "markerheight", "orient", "marker-end", "data-from", "data-to"),
}


def assert_ours(said: str) -> None:
    """Nothing that others wrote became an element, an attribute or a line that a CI's runner obeys."""
    document = Document(said)
    assert set(document.tags()) <= OURS
    for tag, attrs in document.elements:
        assert set(attrs) <= NAMES, (tag, attrs)
        assert (attrs.get("style") or "width:1%").startswith("width:")
        assert (attrs.get("href") or "#").startswith("#")
    assert is_inert(said)


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_html_of_what_would_be_html_has_our_own_elements_alone(evil: str):
    for page in report_of(evil).values():
        assert_ours(page)
    for steps in (MOST_STEPS + 1, 1):
        name = Address("endpoint", evil)
        made = Plan(
            "t", "l", 1, "", tuple(Step(at + 1, Action.DELETE, name, evil, (), {}, None) for at in range(steps))
        )
        assert_ours(plan_html(made))
        assert_ours(apply_html(made, [Outcome(made.steps[0], Result.SKIPPED, evil)]))


@BOUNDED
@given(TOLD)
def test_html_of_anything_has_our_own_elements_alone(told: Told):
    steps = tuple(replace(step, id=at) for at, step in enumerate(told.plan.steps, start=1))
    plan = replace(told.plan, steps=steps)
    places = {field.source: told.blame for step in steps for field in step.fields if field.source}
    besides = {"warnings": told.problems, "drifts": told.drifts, "blame": places}
    assert_ours(plan_html(plan, **besides))
    assert_ours(apply_html(plan, told.outcomes, **besides))
    assert_ours(drift_html(told.drifts, recorded=1, target=plan.target, recovery=plan.recovery))
    for problems in (tuple(told.problems), ()):
        assert_ours(failure_html(Failure("plan", plan.target, 4, told.blame.summary, problems, plan)))
