"""Every code that a message carries has an explanation, and no explanation is of a code that nothing says."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import reconciler
from reconciler.cli.program import app
from reconciler.core.codes import CODES

CODE = re.compile(r"\b[EW]-[A-Z]+(?:-[A-Z]+)*\b")
EXPLANATIONS = Path("core/codes.py")


def said() -> set[str]:
    root = Path(reconciler.__file__).parent
    files = [file for end in ("*.py", "*.json") for file in root.rglob(end) if file.relative_to(root) != EXPLANATIONS]
    return {code for file in files for code in CODE.findall(file.read_text("utf-8"))}


def test_what_is_said_is_explained_and_what_is_explained_is_said():
    assert said() == CODES.keys()


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained_in_any_letters(code: str):
    shown = CliRunner().invoke(app, ["explain", code.lower()])
    assert shown.exit_code == 0
    assert " ".join(shown.output.split()) == f"{code} {CODES[code]}"
