"""Real Azure ML files, each by itself: what Azure's own tools load is never refused."""

import csv
from pathlib import Path

import pytest

from reconciler.load import Options, load
from reconciler.load.checking.literals import literal_secrets
from reconciler.load.place import Here
from reconciler.pipeline import Wish, validate

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
# The sample's user is to put the folder of their code here.
PLACEHOLDER = "cli/endpoints/online/managed/openapi/deployment.yml"
TEMPLATES = {"ENDPOINT_NAME": "my-endpoint", "MODEL_VERSION": "1"}


def _rows() -> list[dict[str, str]]:
    index = CORPUS / "INDEX.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


ROWS = _rows()
pytestmark = pytest.mark.skipif(not ROWS, reason=f"the corpus of real Azure ML files is not at {CORPUS}")


def loaded(path: str, variables: dict[str, str] | None = None) -> tuple[str, list[str]]:
    answer = load(str(CORPUS / path), Options(endpoint_name="my-endpoint", variables=variables or {}))
    assert len(answer.manifests) == 1
    manifest = answer.manifests[0]
    kind = f"{manifest.platform}{'Online' if manifest.platform else ''}{manifest.kind.title()}"
    return kind[0].lower() + kind[1:], [problem.code for problem in answer.problems if problem.is_error]


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] != "PARSE_ERROR"], ids=lambda row: row["path"])
def test_a_real_file_is_accepted_as_what_azure_takes_it_for(row: dict[str, str]):
    kind, errors = loaded(row["path"])
    assert kind.lower() == row["kind"].lower()
    assert errors == (["E-PATH"] if row["path"] == PLACEHOLDER else [])


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "PARSE_ERROR"], ids=lambda row: row["path"])
def test_a_template_is_accepted_once_its_variables_are_given(row: dict[str, str]):
    assert loaded(row["path"], TEMPLATES)[1] == []


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "PARSE_ERROR"], ids=lambda row: row["path"])
def test_a_template_without_its_variables_says_which_are_missing(row: dict[str, str]):
    assert "E-VARIABLE" in loaded(row["path"])[1]


def test_the_whole_corpus_is_one_folder_in_which_conda_files_are_passed_over():
    answer = load(str(CORPUS), Options(variables=TEMPLATES))
    assert len(answer.manifests) == len(ROWS)
    assert all(name.endswith((".yml", ".yaml")) for name in answer.passed_over)
    # The two that Azure, too, loads only with --endpoint-name, and the placeholder.
    assert sorted(problem.code for problem in answer.problems) == ["E-PATH", "E-REQUIRED", "E-REQUIRED"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["path"])
def test_a_real_file_is_warned_of_names_that_move_and_of_nothing_else(row: dict[str, str]):
    wish = Wish((str(CORPUS / row["path"]),), TEMPLATES, endpoint_name="my-endpoint")
    codes = {problem.code for problem in validate(wish, None)[1]}
    assert codes - {"W-IMAGE", "W-UNPINNED", "W-PLACEHOLDER"} == ({"E-PATH"} if row["path"] == PLACEHOLDER else set())


def test_b53_no_real_file_of_any_kind_holds_what_looks_like_a_secret():
    here = Here("/nowhere/x", "x", "x")
    files = [file for file in CORPUS.rglob("*") if file.suffix in (".yml", ".yaml", ".json", ".md", ".py")]
    assert files
    assert [file for file in files if list(literal_secrets(file.read_text("utf-8"), here))] == []
