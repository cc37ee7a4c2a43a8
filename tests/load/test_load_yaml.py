"""Any bytes and any YAML text: what PyYAML reads is read alike, and nothing but problems comes of the rest."""

import math
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.core.problem import Problem
from reconciler.load import Options
from reconciler.load.place import Here
from reconciler.load.reading import read
from reconciler.load.yaml.document import document
from reconciler.load.yaml.nodes import Unreadable, documents
from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.text import decoded

HERE = Here("/nowhere/x.yml", "x.yml", "x.yml")
BOUNDED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LINES = st.sampled_from(
    [
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json",
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
        *("name: iris", "name: [a]", "endpoint_name: iris", "traffic: {blue: 10, green: .nan}", "traffic: [1, 2]"),
        *("mirror_traffic: {a: 1}", "a: &a {b: 1}", "c: *a", "<<: *a", "<<: [*a, {x: y}]", "- item", "  nested: 1"),
        *("? [k]", ": v", "x: !!python/name:os.system", "v: 0x1F", "w: 1:30:20", "d: 2024-02-30", "e: 2024-02-03"),
        *("---", "...", "t: |", "  text", "on: off", "~: 1", "z: 1_000", "instance_count: '3'", "version: 010"),
        *("environment: {image: a, conda_file: c.yml}", "model: {path: m, version: 1.10}", "f: 1e999", "q: '", "\t- x"),
        *("n: {{X}}", "scale_settings: {type: default}", "data_collector: {collections: {a: {enabled: yes}}}", "=: 1"),
        *("identity: {type: 1}", "environment_variables: {A: [1], 1B: x}", "tags: {a: =, b: !!int x}", "i: -.inf"),
    ]
)


def read_document(text: str) -> tuple[list[Document], list[Problem]]:
    problems: list[Problem] = []
    try:
        return [document(top, HERE, problems) for top in documents(text, HERE, problems)], problems
    except Unreadable as error:
        return [], [*problems, error.problem]


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, dict) and isinstance(other, dict):
        # An integer as a key is taken as it was written.
        keys = {str(key): value for key, value in other.items()}
        return one.keys() == keys.keys() and all(alike(one[key], keys[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and one == other


@BOUNDED
@given(st.lists(LINES, max_size=8).map("\n".join))
@example("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{x: 5}, *a], z: 4}")
@example("a: 0b11\nb: 0o7\nc: 017\nd: 1_0.5\ne: 12:30:45\nf: 12:30.5\ng: YES\nh: ~\ni: 2001-12-14t21:59:43.10-05:00")
@example("a: '1'\nb: !!str 1\nc: !!int '3'\nd: !!float 3\ne: ! 5")
def test_what_is_read_without_a_problem_is_what_the_safe_c_loader_reads(text: str):
    found, problems = read_document(text)
    if not problems:
        assert alike([one.value for one in found], list(yaml.load_all(text, yaml.CSafeLoader)))


@BOUNDED
@given(st.one_of(st.binary(max_size=300), st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines).encode())))
@example(b"\xff\xfea\x00")
@example(b"\x00" * 8)
@example(b"&a [*a]")
@example(b"a: *b")
@example(b"%YAML 9.9\n--- a")
@example("name: \ud7ff\ue000\U0010ffff".encode())
@example(b"name: ok\n: empty key\n'': 1")
def test_no_bytes_of_a_file_raise_anything(data: bytes):
    alone, among_others = (read(data, HERE, Options(), alone=alone) for alone in (True, False))
    assert alone.problems or alone.entries
    assert alone.problems or not among_others.problems


@BOUNDED
@given(st.lists(LINES, max_size=8))
def test_no_text_under_our_schema_raises_anything(lines: list[str]):
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
    reading = read((schema + "\n".join(lines)).encode(), HERE, Options(name="n", endpoint_name="e"), alone=True)
    assert all(entry.valid for entry in reading.entries) or reading.problems


def test_every_key_and_item_has_its_place():
    found, _ = read_document("a:\n  b: 1\nlist:\n  - x\n  - y: 2\n")
    assert found[0].positions == {
        "": (1, 1),
        "a": (1, 1),
        "a.b": (2, 3),
        "list": (3, 1),
        "list.0": (4, 5),
        "list.1": (5, 5),
        "list.1.y": (5, 5),
    }


def test_b07_b08_what_is_merged_or_aliased_has_the_place_where_it_was_written():
    found, _ = read_document("base: &base\n  x: 1\nown:\n  <<: *base\n  y: 2\nsame: *base\n")
    positions = found[0].positions
    assert (positions["own.x"], positions["own.y"], positions["same"], positions["same.x"]) == (
        (2, 3),
        (5, 3),
        (6, 1),
        (2, 3),
    )


def test_b10_a_file_of_one_byte_too_many_is_refused(tmp_path: Path):
    file = tmp_path / "x.yml"
    file.write_bytes(b"#" * 1_048_577)
    here = Here(str(file), "x.yml", "x.yml")
    answer = decoded(file.read_bytes(), here)
    assert isinstance(answer, Problem)
    assert (answer.code, answer.message) == ("E-YAML-SIZE", "file is 1048577 bytes; the limit is 1048576")
    assert isinstance(decoded(b"#" * 1_048_576, here), str)


def test_b08_an_ordinary_merge_and_a_byte_order_mark_are_accepted():
    text = "\ufeff" + "a: &a {x: 1}\nb:\n  <<: *a\n"
    assert isinstance(decoded(text.encode(), HERE), str)
    assert read_document(text.removeprefix("\ufeff"))[1] == []


def test_a_number_where_text_is_due_and_a_field_without_a_name_are_told_in_words():
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json"
    problems = read(f"{schema}\nname: 123\n'': x\n".encode(), Here("x", "x", "x"), Options(), alone=True).problems
    assert [problem.message for problem in problems] == [
        'name: expected text, here is 123; write "123"',
        "'': unknown field",
    ]
