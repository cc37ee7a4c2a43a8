"""What is read without the parser is read to the letter as the parser has it, and everything else is left to that."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutations import FUZZ, damaged, seeds_once
from test_load_yaml import read_document

from reconciler.load.yaml.document import Document
from reconciler.load.yaml.plain_lines import plain_document
from reconciler.load.yaml.positions import kept, moved

EXAMPLE = Path(__file__).parents[2] / "manifests"
KEYS = st.sampled_from(["a", "b", "c", "$schema", "name", "dep-0", "on", "null", "y", "A_1", "x.y", "1a", "é"])
WORDS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "1",
            "0x1F",
            "010",
            "1:30",
            "1_0",
            "yes",
            "No",
            "~",
            "null",
            "2024-02-03",
            "2024-02-30",
            "1e3",
            "=",
            ".",
            "azureml:risk:1",
            "a:b",
            "a:",
            "a: b",
            "a#b",
            "a #b",
            "#b",
            "../src",
            "-1",
            "+1",
            ".5",
            ".inf",
            "<<",
            "'q'",
            "x" * 420,
            "9" * 101,
            "a b",
            "[a]",
            "&a b",
            "*a",
            "!!str 1",
            "|",
            "a\u2028b",
            "a\r",
            "a\t",
            "1 ",
        ]
    ),
    st.text("aZ09./:@+-_# ", max_size=6),
)
LINES = st.builds(
    lambda indent, key, gap, word: f"{' ' * indent}{key}:{' ' * gap}{word}",
    st.integers(0, 5),
    KEYS,
    st.integers(0, 2),
    WORDS,
)
OTHERS = st.sampled_from(["", "# x", "    # y: z", "#\u2028a: b", "- a", "---", "...", "a", "?", "\t", " "])
BOUNDED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def nested(draw: st.DrawFn) -> str:
    """Lines of which most stand where they may."""
    lines, indent = list[str](), 0
    for _ in range(draw(st.integers(1, 7))):
        key, word = draw(KEYS), draw(st.sampled_from(["", "1", "true", "x", "azureml:a:1", "2024-02-03"]))
        lines.append(f"{' ' * indent}{key}:{f' {word}' if word else ''}")
        indent = draw(st.sampled_from([0, 2, 4]) if word else st.sampled_from([indent + 2, indent + 2, indent]))
    return "\n".join([*lines, ""])


def told(one: Document) -> str:
    """All of a document, in its order; as text, or 1, 1.0 and True would be one."""
    return repr((one.value, one.positions, one.written))


def as_the_parser(text: str) -> str:
    found, problems = read_document(text)
    assert not problems
    (one,) = found
    return told(one)


@BOUNDED
@given(st.one_of(nested(), st.lists(st.one_of(LINES, LINES, LINES, OTHERS), max_size=6).map("\n".join)))
@example("a: 1\n  b: 2\n")
@example("a:\n    b: 1\n  c: 2\n")
@example("a:\n  b: 1\n c: 2\n")
@example("  a: 1\nb: 2\n")
@example("a:\nb: 1\n")
@example("a:\n  b:\n    c: 1\n# x\n\nd: 2")
@example("a:\n  b: 1\na:\n  c: 1\n")
@example("# only a comment\n")
def test_a_plain_text_is_what_the_parser_makes_of_it(text: str):
    one = plain_document(text)
    if one:
        assert told(one) == as_the_parser(text)


@FUZZ
@given(damaged())
def test_a_damaged_manifest_is_what_the_parser_makes_of_it_or_left_to_that(data: bytes):
    text = data.decode("utf-8", "replace")
    if one := plain_document(text):
        assert told(one) == as_the_parser(text)


def test_real_manifests_are_what_the_parser_makes_of_them():
    texts = [data.decode() for data in seeds_once() if data.isascii()]
    plain = {text: one for text in texts if (one := plain_document(text))}
    assert len(plain) > 50
    for text, one in plain.items():
        assert told(one) == as_the_parser(text)


@pytest.mark.parametrize("number", [1, 2, "x"])
def test_places_of_a_shape_are_those_of_each_text_of_it(number: object):
    text = f"# {number}\na:\n   b: {number}\n   c:\n    d: x{number}\ne: 1\n"
    one = plain_document(text)
    assert one
    assert told(one) == as_the_parser(text)
    assert kept(one.positions, one.value) == kept(dict(one.positions), one.value) == "2 1 2 1 3 4 4 4 5 5 6 1"
    other = {**one.value, "e": "1"}
    assert dict(moved(one.positions, one.value, other)) == dict(one.positions)
    assert moved(one.positions, other, one.value) is one.positions


@pytest.mark.parametrize(
    "other", [{"a": {"b": 1, "c": 2}}, {"a": {"c": 1}}, {"a": 1}, {"a": {"b": {"c": 1}}}, {"a": {"b": [1]}}, {}]
)
def test_places_are_kept_of_no_document_that_has_other_fields(other: dict[str, object]):
    one = plain_document("a:\n  b: 1\n")
    assert one
    try:
        expected = kept(dict(one.positions), other)
    except KeyError:
        with pytest.raises(KeyError):
            kept(one.positions, other)
    else:
        assert kept(one.positions, other) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a\n",
        "- a\n",
        "a: 'b'\n",
        "a: b c\n",
        "a: {b: c}\n",
        "a: &b c\n",
        "a: *b\n",
        "a: !!str b\n",
        "a: b # c\n",
        "a: |\n  b\n",
        "a:\n  - b\n",
        "---\na: b\n",
        "a: b\n---\n",
        "a: b\n...\n",
        "? a\n: b\n",
        "a:b\n",
        "a:\n",
        "a:\nb: c\n",
        "a: b\n c: d\n",
        " a: b\nc: d\n",
        "a: 1\na: 2\n",
        "on: 1\n",
        "<<: a\n",
        "a: 2024-02-30\n",
        "a: b\r\n",
        "a: b\rc: d\n",
        "a: é\n",
        "a: b:\n",
        "a:\tb\n",
        "\ta: b\n",
        "a: b\t\n",
        "{{X}}: 1\n",
        "a: =\n",
        "\n".join(f"{' ' * depth}a:" for depth in range(22)),
        "a: b\n" + "# x\n" * 20_000,
    ],
)
def test_what_is_not_of_plain_lines_alone_is_left_to_the_parser(text: str):
    assert plain_document(text) is None
