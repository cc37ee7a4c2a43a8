"""A named pipe in a repository is waited for by nobody."""

import os
from pathlib import Path

import pytest

from reconciler.load import load
from reconciler.load.disk.digest import content_digest

ENVIRONMENT = (
    "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\nname: e\nversion: 1\nimage: a\n"
)


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_a_file_is_refused_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m" / "code").mkdir(parents=True)
    for name in ("x.yml", "conda", "code/.amlignore", "code/pipe"):
        os.mkfifo(tmp_path / "m" / name)
    (tmp_path / "m" / "e.yml").write_text(f"{ENVIRONMENT}conda_file: conda\n")
    assert {problem.code for problem in load("m").problems if problem.is_error} == {"E-CONDA"}
    assert content_digest(tmp_path / "m" / "code").startswith("sha256:")
