"""The parse cache is only ever faster: with or without it, or with a broken one, the answer is the same."""

from pathlib import Path

import pytest

from reconciler.core.problem import Problem
from reconciler.load import Loaded, Options, load, parse_set, reading
from reconciler.load.place import Here
from reconciler.load.yaml.document import document
from reconciler.load.yaml.nodes import documents
from reconciler.load.yaml.positions import KeptPositions, kept

HERE = Here("/m/a.yml", "a.yml", "m/a.yml")
HOST = "$schema: https://azuremlschemas.azureedge.net/latest"
ENDPOINT = f"{HOST}/managedOnlineEndpoint.schema.json\nname: iris\ntags: {{day: 2024-01-02}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "endpoint.yml").write_text(ENDPOINT)
    (tmp_path / "m" / "wrong.yml").write_text(ENDPOINT.replace("iris", "wine") + "foo: 1\n")
    (tmp_path / "m" / "foreign.yml").write_text("on: push\n")
    return tmp_path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed, as they are."""
    files: list[str] = []
    real = reading.documents

    def documents(text, here, problems):
        files.append(here.relative)
        return real(text, here, problems)

    monkeypatch.setattr(reading, "documents", documents)
    return files


def cached(**options) -> Loaded:
    return load("m", Options(cache=Path(".mlops/cache"), **options))


def test_an_unchanged_file_is_not_parsed_again_and_one_with_problems_is(parsed: list[str]):
    first = cached()
    assert sorted(parsed) == ["endpoint.yml", "foreign.yml", "wrong.yml"]
    parsed.clear()
    assert cached() == first == load("m")
    assert parsed[:1] == ["wrong.yml"]


WRITTEN = f"""{HOST}/managedOnlineDeployment.schema.json
name: &name blue
endpoint_name: iris
tags: {{a.b: x, a: {{b: y}}, "": z}}
properties: &all
  one: {{}}
  two: [1, [2, {{three: 4}}], []]
environment_variables: {{<<: &more {{LEVEL: info, NAME: *name}}, MORE: "twice"}}
model: {{name: m, path: ., tags: *all}}
environment: {{image: i, tags: {{<<: *more}}}}
instance_type: Standard_DS3_v2
---
{ENDPOINT}"""


def test_places_that_are_kept_are_those_of_the_file(folder: Path, parsed: list[str]):
    (folder / "m" / "written.yml").write_text(WRITTEN)
    (folder / "m" / "wrong.yml").unlink()
    first = [dict(manifest.positions) for manifest in load("m").manifests]
    assert [len(places) for places in first] == [5, 39, 5]
    cached()
    parsed.clear()
    found = cached().manifests
    assert parsed == []
    assert [one.source() for one in found] == [one.source() for one in load("m").manifests]
    assert [dict(manifest.positions) for manifest in found] == first
    assert [list(manifest.positions) for manifest in found] == [list(places) for places in first]


@pytest.mark.parametrize("data", [WRITTEN, "- [1, {a: 2}]\n", "a: {b: {c: {}}, d: []}\na.b: 1\n"])
def test_whatever_a_document_holds_its_places_can_be_kept(data: str):
    problems: list[Problem] = []
    for top in documents(data, HERE, problems):
        one = document(top, HERE, problems)
        found = KeptPositions(kept(one.positions, one.value), one.value)
        assert "" in found
        assert found[""] == one.positions[""]
        assert dict(found) == one.positions == found
        assert (len(found), repr(found)) == (len(one.positions), repr(one.positions))


def test_a_changed_file_is_parsed(parsed: list[str], folder: Path):
    cached()
    parsed.clear()
    (folder / "m" / "endpoint.yml").write_text(ENDPOINT + "auth_mode: none\n")
    assert [problem.code for problem in cached().problems] == ["E-AUTH", "E-FIELD"]


def test_an_overridden_file_is_read_anew_and_not_kept_so():
    cached()
    overrides = (parse_set("endpoint/iris.description=x"),)
    assert cached(overrides=overrides).manifests[0].document["description"] == "x"
    assert "description" not in cached().manifests[0].document


def test_a_file_with_variables_is_never_kept(folder: Path):
    (folder / "m" / "endpoint.yml").write_text(ENDPOINT + "description: {{X}}\n")
    assert [cached(variables={"X": value}).manifests[0].document["description"] for value in "ab"] == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at" * 100])
def test_a_broken_cache_is_as_good_as_none(content: bytes, folder: Path):
    first = cached()
    for file in (folder / ".mlops" / "cache").iterdir():
        file.write_bytes(content)
    assert cached() == first == cached()


def test_a_cache_that_cannot_be_written_is_as_good_as_none(folder: Path):
    (folder / ".mlops").write_text("in the way")
    assert cached() == load("m")
