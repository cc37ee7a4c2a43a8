"""Whatever foreign text says, no sink obeys it: no runner's command, no terminal's escape, no Markdown, no HTML."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token

import reconciler
from reconciler.cli.published import published
from reconciler.core.address import Address
from reconciler.core.blame import Blame
from reconciler.core.failure import Failure
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Outcome, Plan, Recovery, Result, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass, Turn
from reconciler.render import as_json, watched
from reconciler.render.answers import answer_text
from reconciler.render.debugging import debug_text, launch_configuration
from reconciler.render.markdown import apply_markdown, plan_markdown
from reconciler.render.markdown_findings import drift_markdown, failure_markdown, problems_markdown
from reconciler.render.markdown_parts import words
from reconciler.render.prometheus import drift_metrics
from reconciler.render.rows import rows_text
from reconciler.render.text import drift_text, outcomes_text, plan_text
from reconciler.render.values import json_line, json_text, log_line, log_rows, log_text, terminal_text

HOSTILE = (
    *(
        "::error::x",
        "  ::set-output name=a::b",
        "a\n::add-mask::b",
        "a\r::warning::x",
        "a\u2028::debug::x",
        "\x85::error::",
    ),
    *("##[error]x", "a ##[command]y", "##vso[task.setvariable variable=a]b", "##teamcity[x]", "###[x]"),
    *("\x1b[2J", "\x9b31m", "\x1b]8;;http://evil\x07", "\u202egpj.exe", "\u2066x", "a\tb", "\b\b\b", "\x00", "\u200b"),
    *(
        "[a](http://evil)",
        "![a](http://evil/x.png)",
        "<script>x</script>",
        "</code></summary><b>",
        "<!-- x",
        "&lt;b&gt;",
    ),
    *(
        "http://evil.example",
        "www.evil.example",
        "a@b.example",
        "@team",
        "#123",
        "GH-1",
        "owner/repo#1",
        "deadbeef" * 5,
    ),
    *("`", "``", "`` ` ``", "\\", "\\|", "|", "a | b", "\\\\|", "` | `", "```\nx", "~~~", "# x", "- x", "1. x", "> x"),
    *(
        "a\n\n# x",
        "a\n===",
        "---",
        "    x",
        "_a_",
        "*a*",
        "~~a~~",
        ":rocket:",
        "[x]: http://evil",
        "<http://evil>",
        "$a$",
    ),
)
ACTIVE = re.compile(r"^\s*::|##[A-Za-z]*\[", re.MULTILINE)
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet=st.sampled_from("`|\\[]()<>!#:*_~@&-=+ \n\r\t\x1b\u202e\u2028ab1/."), max_size=24),
    st.text(max_size=12),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3).map("".join),
)
VALUES = st.one_of(
    TEXTS, st.lists(TEXTS, max_size=2), st.dictionaries(TEXTS, TEXTS, max_size=2), st.none(), st.integers()
)
ADDRESSES = st.builds(Address, st.sampled_from(["model", "endpoint"]), TEXTS, endpoint=TEXTS, version=TEXTS)
FIELDS = st.builds(FieldChange, TEXTS, VALUES, VALUES, st.builds(Source, TEXTS, st.just(1)))
STEPS = st.builds(
    Step,
    id=st.integers(1, 9),
    action=st.sampled_from(Action),
    address=ADDRESSES,
    reason=TEXTS,
    fields=st.lists(FIELDS, max_size=2).map(tuple),
    before=st.none(),
    after=st.none(),
    needs=st.just((1, 2)),
)
PLANS = st.builds(
    Plan,
    target=TEXTS,
    lineage=TEXTS,
    serial=st.just(1),
    tree=TEXTS,
    steps=st.lists(STEPS, max_size=2).map(tuple),
    pins=st.dictionaries(TEXTS, TEXTS, max_size=1),
    recovery=st.lists(st.builds(Recovery, TEXTS, TEXTS, ADDRESSES, TEXTS), max_size=1).map(tuple),
    by_command=st.lists(ADDRESSES, max_size=7).map(tuple),
)
DRIFTS = st.lists(
    st.builds(Drift, ADDRESSES, st.sampled_from(DriftClass), st.lists(FIELDS, max_size=2).map(tuple), TEXTS), max_size=2
)
OUTCOMES = st.lists(
    st.builds(Outcome, STEPS, st.sampled_from(Result), TEXTS, st.lists(TEXTS, max_size=2).map(tuple)), max_size=2
)
PROBLEMS = st.lists(st.builds(Problem, TEXTS, st.just(1), st.just(1), TEXTS, TEXTS), max_size=2)


@dataclass(frozen=True)
class Told:
    """What commands have to tell, of foreign text."""

    plan: Plan
    drifts: list[Drift]
    outcomes: list[Outcome]
    problems: list[Problem]
    blame: Blame
    holder: dict[str, str | int] | None

    @property
    def blamed(self) -> dict[Source | None, Blame]:
        return {field.source: self.blame for step in self.plan.steps for field in step.fields}


HOLDERS = st.one_of(st.none(), st.fixed_dictionaries({}, optional={"user": TEXTS, "pid": st.just(7), "command": TEXTS}))
TOLD = st.builds(Told, PLANS, DRIFTS, OUTCOMES, PROBLEMS, st.builds(Blame, TEXTS, TEXTS, TEXTS, TEXTS), HOLDERS)
BOUNDED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def is_inert(text: str) -> bool:
    """Whether no line is a command, and every character only shows itself."""
    return not ACTIVE.search(text) and all(line.isprintable() for line in text.split("\n"))


@BOUNDED
@given(TEXTS)
@example("::error::x")
@example("all\x7fof it\x00is\tASCII\nand\u20acnot")
@example("a\x1bb\nc")
@example("plain\nas it is")
def test_a_line_stays_one_line_and_no_command(text: str):
    assert "\n" not in log_line(text)
    assert is_inert(log_line(text))
    assert is_inert(log_text(text))
    assert log_text(text) == "\n".join(map(log_line, text.split("\n")))
    assert log_text(log_text(text)) == log_text(text)


@BOUNDED
@given(TOLD)
def test_text_of_anything_is_inert(told: Told):
    plan, drifts, outcomes = told.plan, told.drifts, told.outcomes
    for said in (
        plan_text(plan, blame={source: told.blame for source in told.blamed if source}),
        drift_text(drifts, recorded=1, target=plan.target),
        outcomes_text(outcomes),
        drift_metrics(drifts, target=plan.target, recorded=1, unfinished=0, silent=0, now=1),
        *watched.turn_lines([(turn, drift) for turn in Turn for drift in drifts], time="T"),
        *watched.aside_lines((plan.recovery, plan.holder), ((), None), time="T"),
        *watched.begun_lines(target=plan.target, recorded=1, time="T"),
        watched.failed_line(plan.target, time="T"),
    ):
        assert is_inert(said), said


@BOUNDED
@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=2), TEXTS, st.lists(TEXTS, max_size=2))
def test_how_to_debug_anything_is_inert_and_its_configuration_reads_back_the_same(
    address: str, mappings: list[tuple[str, str]], path: str, notes: list[str]
):
    configuration = launch_configuration(address, port=5678, mappings=mappings, watched=path)
    said = debug_text(address, configuration, port=5001, sample=path, notes=notes)
    assert is_inert(said), said
    lines = said.split("\n")
    document = json.loads("\n".join(lines[lines.index("{") : lines.index("}") + 1]))
    assert document == {"version": "0.2.0", "configurations": [json.loads(json.dumps(configuration))]}


@BOUNDED
@given(TOLD)
def test_json_of_anything_is_inert_reads_back_the_same_and_is_as_published(told: Told):
    for name, value in json_of(told):
        text = json_text(value)
        assert is_inert(text), text
        assert json.loads(text) == json.loads(json.dumps(value))
        validator_of(name).validate(json.loads(text))


@BOUNDED
@given(DRIFTS, TEXTS)
def test_what_a_watch_tells_in_json_is_inert_and_reads_back_the_same(drifts: list[Drift], target: str):
    for drift in drifts:
        value = watched.turn_json(Turn.NEW, drift, target=target, time="T")
        assert is_inert(json_line(value))
        assert "\n" not in json_line(value)
        assert json.loads(json_line(value)) == json.loads(json.dumps(value))


def json_of(told: Told) -> Iterator[tuple[str, Any]]:
    """Every report in JSON, with the name of its schema."""
    plan, blame = told.plan, told.blamed
    failure = Failure("plan", plan.target, 4, plan.lineage, tuple(told.problems), plan)
    outcomes = [Outcome(step, Result.FAILED, plan.lineage, (plan.tree,), 1.5) for step in plan.steps]
    yield "plan", as_json.plan_json(plan, blame=blame, warnings=told.problems)
    yield "apply", as_json.apply_json(plan, outcomes, blame=blame, warnings=told.problems)
    unfinished = {"recovery": plan.recovery, "holder": told.holder}
    yield "drift", as_json.drift_json(told.drifts, target=plan.target, silent=[plan.tree], **unfinished)
    seen = {"target": plan.target, "time": plan.tree}
    yield from (("drift-event", watched.turn_json(Turn.NEW, drift, **seen)) for drift in told.drifts)
    yield "drift-event", watched.unfinished_event((plan.recovery, told.holder), **seen)
    yield "drift-event", watched.look_json("failed", message=plan.lineage, **seen)
    yield "validate", as_json.problems_json(told.problems)
    yield "failure", as_json.failure_json(failure)


@cache
def validator_of(name: str) -> Draft202012Validator:
    schema = published(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@BOUNDED
@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_tables_of_anything_are_inert_once_they_are_said(value: dict[str, object]):
    assert is_inert(log_text(answer_text([value, value], "table")))
    for told in ([value, value], *map(str, value.values())):
        said = log_rows(answer_text(told, "tsv"))
        assert is_inert(said.replace("\t", " "))
    assert is_inert(log_text(rows_text(list(value), [list(value.values())], "table")))


OURS = {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "inline", "html_block", "fence"}
HTML = re.compile(
    r"<!-- mlops:[a-z]+ target=(?:[A-Za-z0-9_.~%]|-(?!-))* (?:digest=[0-9a-f]{64} )?-->"
    r"|<details><summary>\d+: [a-z_, ]+ <code>[^<>]*</code></summary>|</details>"
)


def blocks(markdown: str) -> Iterator[Token]:
    """Every block and every inline part of a text, as a parser of CommonMark with GitHub's tables and links sees it."""
    parser = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
    for token in parser.parse(markdown):
        yield token
        yield from token.children or ()


def markdown_of(told: Told, budget: int = 1 << 20) -> Iterator[str]:
    """Every report in Markdown."""
    plan, target = told.plan, told.plan.target
    failure = Failure("plan", target, 4, plan.lineage, tuple(told.problems), plan)
    yield plan_markdown(plan, blame=told.blamed, warnings=told.problems, budget=budget)
    yield apply_markdown(plan, told.outcomes, budget=budget)
    yield drift_markdown(told.drifts, recorded=1, target=target, holder=told.holder, budget=budget)
    yield problems_markdown(told.problems, resources=1, target=target, budget=budget)
    yield failure_markdown(failure, budget=budget)
    yield failure_markdown(replace(failure, problems=()), budget=budget)


def expect_our_own_structure_alone(said: str) -> None:
    assert is_inert(said), said
    for token in blocks(said):
        kind = token.type.removesuffix("_open").removesuffix("_close")
        assert kind in OURS | {"text", "code_inline", "softbreak", "strong"}, (kind, said)
        if kind == "html_block":
            assert HTML.fullmatch(token.content.strip()), said
        if kind == "text" and token.content != "#":
            # Outside of code there are our own words: nothing that GitHub would make a link or a mention of.
            assert not re.search(r"[@#<>&]|://|www\.|GH-\d", token.content.replace("recorded -> live", "")), said
    assert [token.tag for token in blocks(said) if token.type == "heading_open"] == ["h3"]


@BOUNDED
@given(TOLD)
def test_markdown_of_anything_has_our_own_structure_alone(told: Told):
    for said in markdown_of(told):
        expect_our_own_structure_alone(said)


@BOUNDED
@given(TOLD)
def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(told: Told):
    for said in markdown_of(told):
        cells: list[int] = []
        tables: list[list[int]] = []
        for token in blocks(said):
            if token.type == "table_open":
                tables.append(cells := [])
            elif token.type == "tr_open":
                cells.append(0)
            elif token.type in ("td_open", "th_open"):
                cells[-1] += 1
        rows = [row for row in outside_fences(said) if row.startswith("|")]
        assert sum(map(len, tables)) == sum(not set("|-") <= set(row) <= set("|-: ") for row in rows), said
        assert all(len(set(table)) == 1 for table in tables), said


@BOUNDED
@given(TOLD)
def test_no_bar_of_a_value_ends_its_cell_for_github(told: Told):
    """GitHub's parser takes a backslash and any sign of punctuation for a pair, from the left."""
    for said in markdown_of(told):
        bars = 0
        for line in outside_fences(said):
            bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", line).count("|")
            if not line.startswith("|"):
                bars = 0
            else:
                assert bars in (0, bare), line
                bars = bare


def outside_fences(markdown: str) -> Iterator[str]:
    fence = ""
    for line in markdown.split("\n"):
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line.removesuffix("text")
        else:
            yield line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb", "a\\rb"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_a_log_in_a_terminal_keeps_its_colours_and_nothing_else(line: str, shown: str):
    assert terminal_text(line) == shown


def test_what_prints_is_in_one_file_and_the_attendant_s_own_log():
    """So that what holds for one print holds for every print."""
    package = Path(reconciler.__file__).parent
    files = [file for file in sorted(package.rglob("*.py")) if "scoring" not in file.relative_to(package).parts]
    assert [str(file.relative_to(package)) for file in files if _prints(file)] == [
        "cli/saying.py",
        "operate/__main__.py",
    ]


def _prints(file: Path) -> bool:
    calls = [node.func for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    named = any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
    written = any(ast.unparse(call) in ("sys.stdout.write", "sys.stderr.write") for call in calls)
    return named or written


def test_a_long_word_that_is_not_plain_at_its_end_is_seen_so_at_once():
    """In days, where the words' pattern could take it apart in many ways."""
    assert words("deadbeef" * 50 + "!") == f"`{'deadbeef' * 50}!`"
    assert words("model, request_settings changed; 2 instances") == "model, request_settings changed; 2 instances"
