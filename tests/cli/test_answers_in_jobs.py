"""What a script of a CI's job reads of an answer is what it reads anywhere, and nothing of it acts in the job's log."""

import json

import pytest

from reconciler.cli.answering import print_answer
from reconciler.cli.az_options import AzOutput

FOREIGN = "a\x9b31m\u202e::error::x"


@pytest.fixture(autouse=True, params=[{"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}], ids=str)
def job(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)


def test_the_columns_of_tsv_are_still_apart(capsys: pytest.CaptureFixture[str]):
    print_answer([["credit", "Succeeded"], ["", "::error::x"]], "", AzOutput.TSV)
    assert capsys.readouterr().out == "credit\tSucceeded\n\t: :error::x\n"


def test_json_of_foreign_text_is_still_json(capsys: pytest.CaptureFixture[str]):
    value = {"description": FOREIGN, "tags": {"a": "##[error]x"}}
    print_answer(value, "", AzOutput.JSON)
    said = capsys.readouterr().out
    assert "\x9b" not in said
    assert "##[" not in said
    assert json.loads(said) == value
