"""One run, several renderings, in files that are whole, also where the run came to nothing."""

import json
import os
from pathlib import Path

import pytest
import typer
from command_line import Repository

from reconciler.cli import options
from reconciler.cli.form import rest_of
from reconciler.cli.forms import APPLY, DRIFT, FAILED, PLAN, VALIDATE
from reconciler.cli.reporting import Reports
from reconciler.errors import MlopsError, RefusedError, StepFailedError
from reconciler.render.marker import marker_of
from reconciler.wishes import Drifted


@pytest.mark.parametrize(
    ("choices", "forms"),
    [
        (options.Report, PLAN),
        (options.Report, APPLY),
        (options.DriftReport, DRIFT),
        (options.Verdict, VALIDATE),
    ],
)
def test_every_form_can_be_printed_and_written_and_says_why_a_command_failed(choices, forms):
    assert {*choices, "summary"} == set(forms.names())
    assert set(forms.names()) <= set(FAILED.names())


def test_a_plan_is_written_in_several_forms_in_one_run(repo: Repository):
    printed = repo.mlops("plan", *(f"--report={form}=p.{form}" for form in ("text", "json", "markdown", "html"))).out
    assert repo.read("p.text") == printed
    assert json.loads(repo.read("p.json"))["steps"]
    assert repo.read("p.markdown").startswith("<!-- mlops:plan target=dev digest=")
    assert repo.read("p.html").startswith("<!DOCTYPE html>")
    assert [file.name for file in repo.folder.iterdir() if file.name.startswith(".p")] == []


def test_a_failed_apply_is_reported_with_its_outcomes(served: Repository):
    served.edit("manifests/src/score.py", "def init():", "def init():\n    raise ValueError('no such weights')")
    served.apply("--report", "json=a.json", "--report", "markdown=a.md", "--report", "html=a.html", code=5)
    results = [outcome["result"] for outcome in json.loads(served.read("a.json"))["outcomes"]]
    assert "failed" in results
    assert all("no such weights" in served.read(name) for name in ("a.md", "a.html"))


def test_files_that_are_wrong_are_reported_by_a_plan(repo: Repository):
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: two")
    repo.mlops("plan", "--report", "json=p.json", "--report", "markdown=p.md", code=1)
    failure = json.loads(repo.read("p.json"))["failure"]
    assert (failure["exit_code"], [each["line"] for each in failure["problems"]]) == (1, [10])
    assert "`manifests/blue.yml:10:1`" in repo.read("p.md")


def test_a_failure_takes_the_place_of_the_report_before_it_also_where_no_target_is_named(applied: Repository):
    applied.mlops("plan", "--report", "markdown=before.md")
    applied.write(".mlops/state.db", "this is no database" * 100)
    applied.mlops("plan", "--report", "markdown=after.md", code=1)
    before, after = (marker_of(applied.read(name)) for name in ("before.md", "after.md"))
    assert before is not None
    assert after is not None
    assert (after.key, after.digest) == (before.key, "")


def test_a_plan_that_a_guard_refuses_is_reported(applied: Repository):
    for name in ("blue", "endpoint", "risk-1", "sklearn"):
        applied.remove(f"manifests/{name}.yml")
    applied.mlops("plan", "--report", "markdown=p.md", "--report", "text=p.txt", code=4)
    assert "E-EMPTY" in applied.read("p.md")
    assert applied.read("p.txt").startswith("mlops plan failed (exit code 4):\n")


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_applied(repo: Repository):
    (repo.folder / "link.json").symlink_to("elsewhere.json")
    os.mkfifo(repo.folder / "pipe.json")
    for word in (
        "json=nowhere/p.json",
        "json=manifests",
        "json=link.json",
        "json=pipe.json",
        "yaml=p.yml",
        "json",
        "=",
    ):
        said = repo.apply("--report", word, code=1).err
        assert "--report" in said, word
    repo.apply("--report", "json=p.json", "--report", "text=p.json", code=1)
    assert not (repo.folder / "live.jsonl").exists()
    assert not (repo.folder / "elsewhere.json").exists()


def test_a_summary_is_added_to_what_is_there_and_never_fills_more_than_github_takes(repo: Repository):
    repo.write("summary.md", "of another step")
    repo.mlops("plan", "--report", "summary=summary.md")
    repo.mlops("validate", "--report", "summary=summary.md")
    lines = repo.read("summary.md").splitlines()
    assert lines[0] == "of another step"
    assert [line for line in lines if line.startswith("###")] == ["### mlops plan: `dev`", "### mlops validate"]
    repo.write("full.md", "x" * ((1 << 20) - 100))
    repo.mlops("plan", "--report", "summary=full.md")
    assert set(repo.read("full.md")) == {"x"}


DRIFTED = Drifted((), 1, target="dev")


def test_what_a_run_told_is_not_replaced_by_the_error_that_it_ends_with(tmp_path: Path):
    reports = Reports([f"text={tmp_path / 'd.txt'}"], "drift", DRIFT)

    def run() -> None:
        with reports.of("dev"):
            reports.write(DRIFTED)
            raise StepFailedError("a step failed")

    with pytest.raises(StepFailedError):
        run()
    assert (tmp_path / "d.txt").read_text().startswith("No drift.")


def test_a_report_that_cannot_be_written_at_the_end_makes_an_error_and_keeps_no_other_from_being_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "gone").mkdir()
    words = [f"text={tmp_path / 'gone' / 'd.txt'}", f"json={tmp_path / 'd.json'}"]
    reports = Reports(words, "drift", DRIFT)
    (tmp_path / "gone").rmdir()
    with pytest.raises(MlopsError, match=r"these reports are not written: .*d\.txt"), reports.of("dev"):
        reports.write(DRIFTED)
    assert "cannot be written: No such file" in capsys.readouterr().err
    assert json.loads((tmp_path / "d.json").read_text())["drift"] is False


def test_the_error_of_a_run_is_not_replaced_by_that_of_its_report(tmp_path: Path):
    (tmp_path / "gone").mkdir()
    reports = Reports([f"text={tmp_path / 'gone' / 'd.txt'}"], "drift", DRIFT)
    (tmp_path / "gone").rmdir()
    with pytest.raises(RefusedError), reports.of("dev"):
        raise RefusedError("no")


def test_a_form_that_a_command_has_not_is_refused_with_those_that_it_has():
    with pytest.raises(typer.BadParameter, match="no report has the form 'nope'; there are: text, json"):
        Reports(["nope=x"], "drift", DRIFT)


@pytest.mark.parametrize(
    ("server", "where"),
    [
        ("https://github.example", "[This run](https://github.example/shop/models/actions/runs/7)"),
        ("", "The log"),
        ("https://github.example/) [x](https://evil", "The log"),
    ],
)
def test_a_report_in_a_github_job_says_where_the_rest_is_by_the_address_of_the_job(server: str, where: str):
    job = {"GITHUB_SERVER_URL": server, "GITHUB_REPOSITORY": "shop/models", "GITHUB_RUN_ID": "7"}
    assert rest_of("The log", job) == where


def test_problems_are_shown_at_their_lines_by_a_github_job_from_any_folder(repo: Repository):
    repo.git("init", "-q")
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: two%, really")
    said = repo.mlops("validate", ".", "--format", "github", below="manifests", code=1, GITHUB_ACTIONS="true").out
    command, summary = said.splitlines()
    assert command.startswith("::error file=manifests/blue.yml,line=10,col=1,title=E-INSTANCES::")
    assert "two%25, really" in command
    assert summary == "4 resources: 1 error, 0 warnings"


def test_settings_that_are_wrong_are_problems_too_for_whoever_reads_problems(repo: Repository):
    repo.write("mlops.yaml", "target: {}\n")
    found = repo.mlops("validate", "--format", "json", "--report", "junit=v.xml", code=1).json
    assert [problem["code"] for problem in found["problems"]] == ["E-FIELD"]
    assert 'name="mlops.yaml"' in repo.read("v.xml")
    assert "E-FIELD" in repo.mlops("validate", code=1).err


def test_drift_in_sarif_points_to_the_manifest_of_the_resource(applied: Repository):
    applied.git("init", "-q")
    applied.behind_our_back("deployment/credit/blue", instance_count=2)
    for below in ("", "manifests"):
        log = applied.mlops("drift", "--format", "sarif", below=below).json
        (result,) = log["runs"][0]["results"]
        assert result["ruleId"] == "drift-changed"
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "manifests/blue.yml"
