"""What is made late is what would have been made at once."""

import re
import subprocess
import sys

import pytest

from reconciler.late import offered, pattern


def test_an_expression_answers_as_the_standard_library_s():
    ours, theirs = pattern(r"(a+)(B)?", re.IGNORECASE), re.compile(r"(a+)(B)?", re.IGNORECASE)
    for _ in range(2):
        assert ours.fullmatch("AAb")[2] == theirs.fullmatch("AAb")[2]
        assert ours.sub("-", "xaabx") == theirs.sub("-", "xaabx")
        assert ours.findall("abA") == theirs.findall("abA")
        assert (ours.pattern, ours.flags) == (theirs.pattern, theirs.flags)
    assert pattern(rb"a+").match(b"aa")[0] == b"aa"


def test_a_wrong_expression_is_told_when_it_is_first_used():
    wrong = pattern("(")
    for _ in range(2):
        with pytest.raises(re.error):
            wrong.match("")


def test_a_package_offers_what_its_modules_have_and_nothing_else():
    find = offered("email", {"EmailPolicy": "policy", "message_from_nowhere": "message"})
    assert find("EmailPolicy").__module__ == "email.policy"
    with pytest.raises(AttributeError, match=r"^module 'email' has no attribute 'charset'$"):
        find("charset")
    with pytest.raises(AttributeError, match="message_from_nowhere"):
        find("message_from_nowhere")


def test_a_module_is_loaded_once_something_of_it_is_asked_for():
    code = (
        "import sys, reconciler.pipeline as p\n"
        "before = 'reconciler.destroying' in sys.modules\n"
        "p.destroy\n"
        "print(before, 'reconciler.destroying' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert said.stdout == "False True\n"
