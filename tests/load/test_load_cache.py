"""The parse cache is only ever faster: with or without it, or with a broken one, the answer is the same."""

from pathlib import Path

import pytest

from reconciler.load import Loaded, Options, load, parse_set, reading

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
