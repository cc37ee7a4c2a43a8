"""Every code that is used is explained, and every explanation is of a code that is used."""

import re
from pathlib import Path

import reconciler
from reconciler.core import codes

HOUSE = Path(reconciler.__file__).parent
CODE = re.compile(r"\b[EW]-[A-Z]+(?:-[A-Z]+)*\b")


def test_every_code_that_is_used_is_explained_and_none_besides():
    files = [*HOUSE.rglob("*.py"), *HOUSE.rglob("*.schema.json")]
    used = {code for file in files if file != Path(codes.__file__) for code in CODE.findall(file.read_text())}
    # A help text names one code as an example; it is among the used ones anyway.
    assert used == set(codes.CODES)
