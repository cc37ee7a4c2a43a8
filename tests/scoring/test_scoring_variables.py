"""Environment variables that come in a file."""

from __future__ import annotations

import json

import pytest

from reconciler.scoring.settings import SettingsError
from reconciler.scoring.variables import NAME, take_variables

SAYS = "import os, time\ndef run(data): return [os.environ['GREETING'], time.strftime('%Z', time.localtime(0))]\n"


def test_a_script_finds_the_variables_of_the_file_and_they_win(start, tmp_path):
    file = tmp_path / "variables.json"
    file.write_text(json.dumps({"GREETING": "hëllo", "TZ": "XYZ3"}))
    server = start(SAYS, MLOPS_VARIABLES_FILE=str(file), GREETING="former").until_healthy()
    assert server.ask().json == ["hëllo", "XYZ"]


def test_the_server_itself_obeys_the_variables_of_the_file(start, tmp_path):
    file = tmp_path / "variables.json"
    file.write_text(json.dumps({"WORKER_COUNT": "many"}))
    server = start("def run(data): return data\n", MLOPS_VARIABLES_FILE=str(file))
    assert server.exit_code() == 2
    assert "WORKER_COUNT" in server.errors


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no JSON"),
        ("[1]", "is no JSON object of names and strings"),
        ('{"A": 1}', "is no JSON object of names and strings"),
        ('{"A=B": "1"}', "is no JSON object of names and strings"),
        ('{"": "1"}', "is no JSON object of names and strings"),
        ('{"A": "1\\u0000"}', "is no JSON object of names and strings"),
    ],
)
def test_a_file_that_holds_no_variables_is_refused(tmp_path, text, told):
    file = tmp_path / "variables.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=told):
        take_variables({NAME: str(file)})


def test_a_refusal_tells_no_value(start, tmp_path):
    file = tmp_path / "variables.json"
    file.write_text('{"PASSWORD": "hunter2"')
    server = start("def run(data): return data\n", MLOPS_VARIABLES_FILE=str(file))
    assert server.exit_code() == 2
    assert "hunter2" not in server.errors
    assert len(server.errors.splitlines()) == 1
