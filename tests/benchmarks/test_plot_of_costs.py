"""The plot says by where a point lies what it costs, names every line, and is whole whatever it is given."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plot import HEIGHT, LINE_PX, WIDTH, apart, plot

SVG = "{http://www.w3.org/2000/svg}"
LINES = {"ours": {100: 0.1, 1000: 0.1, 10_000: 1.0}, "other": {100: 1.0, 1000: 10.0}, "alone": {100: 5.0}}


def drawn(lines: dict[str, dict[float, float]]) -> ElementTree.Element:
    return ElementTree.fromstring(plot("Costs", ("resources", "s"), lines))


def places(svg: ElementTree.Element) -> dict[str, list[tuple[float, float]]]:
    """The points of each line by its class."""
    lines = svg.findall(f"{SVG}polyline")
    return {
        line.attrib["class"].split()[1]: [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]
        for line in lines
    }


def test_ten_times_as_much_is_as_far_apart_everywhere():
    found = places(drawn(LINES))
    (left, low), (middle, same), (right, high) = found["c0"]
    assert low == same > high
    assert middle - left == pytest.approx(right - middle, abs=0.2)
    (_, one), (_, ten) = found["c1"]
    assert one - ten == pytest.approx(low - high, abs=0.2)
    assert one == pytest.approx(high, abs=0.2)


def test_every_line_is_named_once_in_its_own_colour_in_both_schemes():
    svg = drawn(LINES)
    named = {text.text: text.attrib["class"] for text in svg.findall(f"{SVG}text") if "name" in text.attrib["class"]}
    assert named == {"ours": "name t0", "other": "name t1", "alone": "name t2"}
    light, _, dark = svg.findtext(f"{SVG}style").partition("prefers-color-scheme: dark")
    for number in range(3):
        colours = [re.findall(rf"text\.t{number} {{ fill: (#\w+)", part) for part in (light, dark)]
        assert [len(each) for each in colours] == [1, 1]
        assert colours[0] != colours[1]


def test_a_name_of_others_is_text_and_nothing_else():
    svg = drawn({'<script>"&': {100: 1.0}})
    assert svg.findall(f".//{SVG}script") == []
    assert '<script>"&' in [text.text for text in svg.findall(f"{SVG}text")]


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3),
        st.dictionaries(st.sampled_from([1e2, 1e3, 1e4, 1e5]), st.floats(1e-3, 1e4), min_size=1),
        min_size=1,
        max_size=12,
    )
)
def test_every_point_is_inside(lines: dict[str, dict[float, float]]):
    points = [place for line in places(drawn(lines)).values() for place in line]
    assert sum(map(len, lines.values())) >= len(points) > 0
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in points)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1000), min_size=1, max_size=12).map(sorted))
def test_names_stand_apart_and_in_order(wanted: list[float]):
    found = apart(wanted, LINE_PX)
    assert len(found) == len(wanted)
    assert all(later - earlier >= LINE_PX - 1e-6 for earlier, later in itertools.pairwise(found))
    assert math.fsum(found) == pytest.approx(math.fsum(wanted), abs=1e-6)


def test_names_that_stand_apart_already_stay():
    assert apart([10, 100, 130], LINE_PX) == [10, 100, 130]
