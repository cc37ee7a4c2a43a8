"""Content of a target in a store elsewhere, by the command line: away, back, and served from where nothing else is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import FILES, Repository, model

from tests.object_store import BUCKET, line_to, object_store, opened_by

MANY_BYTES = 30 << 20


@pytest.fixture
def models(tmp_path: Path) -> Repository:
    """A local target that has nothing but registered models, and a share for their content."""
    (tmp_path / "share").mkdir()
    settings = f"manifests: manifests\ntargets:\n  dev: {{provider: local, assets: 'file://{tmp_path}/share'}}\n"
    repository = Repository(tmp_path / "repository", settings)
    for name in FILES:
        if name not in ("risk-1.yml", "weights-1.txt"):
            repository.remove(f"manifests/{name}")
    return repository


def add(repository: Repository, version: int) -> None:
    repository.write(f"manifests/risk-{version}.yml", model(version))
    repository.write(f"manifests/weights-{version}.txt", f"{version}\n")


def test_a_step_fails_while_the_store_is_away_and_the_next_apply_goes_on(models: Repository, tmp_path: Path) -> None:
    (tmp_path / "share").rename(tmp_path / "away")
    failed = models.apply(code=5)
    assert f"failed: assets file://{tmp_path}/share: there is no such folder; make it, or mount it" in failed.out
    (tmp_path / "away").rename(tmp_path / "share")
    assert "1 succeeded" in models.apply().out
    assert models.steps() == []


def test_a_rollback_has_its_content_from_the_store_where_neither_files_nor_folder_have_it(
    models: Repository, tmp_path: Path
) -> None:
    models.apply()
    add(models, 2)
    models.remove("manifests/risk-1.yml")
    models.remove("manifests/weights-1.txt")
    models.apply("--max-delete", "1")
    shutil.rmtree(models.folder / ".mlops" / "assets")
    models.mlops("rollback", "--auto-approve")
    fetched = [path.read_text() for path in (models.folder / ".mlops" / "assets").glob("sha256-*")]
    assert fetched == ["1\n"]
    shutil.rmtree(models.folder / ".mlops" / "assets")
    models.mlops("model", "download", "--name", "risk", "--version", "1", "--download-path", "got")
    assert (models.folder / "got" / "risk" / "weights-1.txt").read_text() == "1\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    with object_store(tmp_path) as port:
        yield port


def test_an_apply_waits_out_a_store_that_is_busy_sends_nothing_twice_and_shows_no_key(
    models: Repository, server: int, tmp_path: Path
) -> None:
    models.edit("mlops.yaml", f"file://{tmp_path}/share", f"s3://{BUCKET}/team")
    (models.folder / "manifests" / "weights-1.txt").write_bytes(bytes(MANY_BYTES) + b"end")
    with line_to(server) as line:
        line.meet = lambda method, _path, body, count: None if method == "PUT" and 1 <= count < 8 else body
        done = models.apply(**opened_by(line.port))
        assert "1 succeeded" in done.out
        assert "retrying in" in done.out + done.err
        assert "anything" not in done.out + done.err
        # Three of four parts are all zeros, and so one.
        assert len(set(line.put())) == 2
