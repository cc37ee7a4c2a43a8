"""Which characters a file may hold: the same ones whether it is ASCII alone or not."""

import pytest

from reconciler.core.problem import Problem
from reconciler.load.place import Here
from reconciler.load.yaml.text import decoded

HERE = Here("/repo/a.yml", "a.yml", "a.yml")


@pytest.mark.parametrize("number", [*range(0x20), 0x7F])
@pytest.mark.parametrize("beside", ["", "é", "\U0001f600"])
def test_a_control_character_is_allowed_nowhere_but_for_white_space(number: int, beside: str) -> None:
    found = decoded(f"a: {beside}{chr(number)}b\n".encode(), HERE)
    if chr(number) in "\t\n\r":
        assert found == f"a: {beside}{chr(number)}b\n"
        return
    assert isinstance(found, Problem)
    assert (found.code, found.line, found.column) == ("E-NAME-CHAR", 1, 4 + len(beside))
    assert f"U+{number:04X}" in found.message


def test_all_other_characters_of_ascii_are_allowed() -> None:
    text = "".join(map(chr, range(0x20, 0x7F)))
    assert decoded(text.encode(), HERE) == text
