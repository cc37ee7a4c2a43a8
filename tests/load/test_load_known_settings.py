"""Settings that were read before say the same without a parser, and nothing that may be secret is kept of them."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from reconciler.errors import ManifestError
from reconciler.load.caching.cached_rows import keep_rows, read_rows
from reconciler.load.settings.config import CACHE, read_config
from reconciler.load.settings.known_settings import known

PLAIN = """\
manifests: manifests   # a comment
targets:
  dev: {provider: local, default: true, port: 0o17, ratio: 1.50, "on": off, none: ~}
  prod:
    provider: docker
    state: "prod.db"
    protect: [endpoint/credit]
    quota: {DSv2: 40}
    max_delete: 2
    names: [a, 'b', 12:30:00, "\\u263a"]
"""
SECRET = {
    "a password of the record": "targets: {dev: {provider: local, state: 'postgresql://ana:hunter2@db/x'}}\n",
    "a variable": "targets: {dev: {provider: local, variables: {DOOR: hunter2}}}\n",
    "an override": "targets: {dev: {provider: local, overrides: {endpoint/a: {tags.x: hunter2}}}}\n",
    "a line that is allowed": "targets: {dev: {provider: local, token: hunter2}}  # pragma: allowlist secret\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".mlops").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def no_parser(*_args: object) -> None:
    raise AssertionError("the file is parsed")


def test_what_is_known_says_the_same_and_is_not_parsed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "mlops.yaml").write_text(PLAIN)
    first = read_config(folder, cached=True)
    monkeypatch.setattr(yaml, "CSafeLoader", no_parser)
    assert repr(read_config(folder, cached=True)) == repr(first) == repr(read_config(folder / ".mlops", cached=True))
    with pytest.raises(AssertionError, match="parsed"):
        read_config(folder)


def test_a_file_that_has_changed_is_read_anew(folder: Path):
    (folder / "mlops.yaml").write_text(PLAIN)
    read_config(folder, cached=True)
    (folder / "mlops.yaml").write_text(PLAIN.replace("max_delete: 2", "max_delete: 3"))
    assert read_config(folder, cached=True).targets["prod"].max_delete == 3


@pytest.mark.parametrize("name", SECRET)
def test_nothing_that_may_be_secret_is_kept(folder: Path, name: str):
    (folder / "mlops.yaml").write_text(SECRET[name])
    assert read_config(folder, cached=True) == read_config(folder)
    assert known(folder / CACHE, SECRET[name].encode()) is None
    assert not any(b"hunter2" in file.read_bytes() for file in folder.rglob("*.db"))


def test_a_date_is_not_kept_as_a_text(folder: Path):
    text = "targets: {dev: {provider: local, since: 2026-11-30}}\n"
    (folder / "mlops.yaml").write_text(text)
    assert read_config(folder, cached=True) == read_config(folder, cached=True) == read_config(folder)
    assert known(folder / CACHE, text.encode()) is None


def test_what_is_wrong_is_told_each_time(folder: Path):
    (folder / "mlops.yaml").write_text("targets: {dev: {provider: local, provider: docker}}\n")
    for _ in range(2):
        with pytest.raises(ManifestError, match="given twice"):
            read_config(folder, cached=True)
    (folder / "mlops.yaml").write_text("targets: {dev: {provider: 3}}\n")
    for _ in range(2):
        with pytest.raises(ManifestError, match="expected text, here is 3"):
            read_config(folder, cached=True)


def test_a_cache_that_is_damaged_or_gone_changes_nothing(folder: Path):
    (folder / "mlops.yaml").write_text(PLAIN)
    first = repr(read_config(folder, cached=True))
    (file,) = (folder / CACHE).glob("*.db")
    file.write_bytes(b"nonsense" * 1000)
    assert repr(read_config(folder, cached=True)) == first
    file.unlink(missing_ok=True)
    assert repr(read_config(folder, cached=True)) == first
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_nothing_is_kept_nothing_is_begun(folder: Path):
    (folder / ".mlops").rmdir()
    (folder / "mlops.yaml").write_text(PLAIN)
    read_config(folder, cached=True)
    assert not (folder / ".mlops").exists()


def test_whoever_does_without_a_cache_reads_the_file(folder: Path):
    (folder / "mlops.yaml").write_text(PLAIN)
    read_config(folder, cached=True)
    key = hashlib.sha256(PLAIN.encode()).hexdigest()
    value, *places = json.loads(read_rows(folder / CACHE, "settings", [key])[key])
    value["manifests"] = "elsewhere"
    keep_rows(folder / CACHE, "settings", {key: json.dumps([value, *places]).encode()})
    assert (read_config(folder, cached=True).manifests, read_config(folder).manifests) == ("elsewhere", "manifests")
