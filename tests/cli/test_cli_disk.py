"""A full or read-only disk under the state, by the real command line: refused by its path, and then it goes on."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Repository

from reconciler.record.sqlite import SqliteStore
from tests.mounts import read_only, small

ERROR = 1
BLUE = "deployment/credit/blue"


@pytest.fixture
def disk(repo: Repository) -> Iterator[Path]:
    """The folder of the state as a disk of 2 MB; everything is applied."""
    with small(repo.folder / ".mlops", 2048) as folder:
        repo.apply()
        yield folder


def fill(disk: Path, *, but: int) -> None:
    """Leave so many pages."""
    space = os.statvfs(disk)
    (disk / "filler").write_bytes(b"x" * (space.f_bavail - but) * space.f_bsize)


def assert_settled(repo: Repository) -> None:
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert "No drift." in repo.mlops("drift", "--detailed-exitcode").out


@pytest.mark.parametrize("pages", [0, 2, 12, 22])
def test_f25_an_apply_on_a_full_disk_ends_with_1_names_the_path_and_the_next_goes_on(
    repo: Repository, disk: Path, pages: int
) -> None:
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    repo.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: key\ntags: {team: risk}")
    fill(disk, but=pages)
    ran = repo.apply(code=ERROR)
    assert ran.err.splitlines()[-1].startswith(f"mlops: {disk}/state.db")
    (disk / "filler").unlink()
    with closing(SqliteStore(disk / "state.db", "dev")) as store:
        recorded = {str(address): entry.spec for address, entry in store.read().entries.items()}
        told = [row for run in store.runs() for row in store.operations(run.id) if row.outcome == "succeeded"]
    assert recorded.keys() == repo.live().keys()
    assert len(told) >= len(recorded)
    repo.apply()
    assert repo.live()[BLUE]["instance_count"] == 2
    assert_settled(repo)


def test_f26_a_state_that_cannot_be_written_refuses_an_apply_before_its_first_effect(applied: Repository) -> None:
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    live = applied.read("live.jsonl")
    with read_only(applied.folder / ".mlops") as disk:
        said = applied.apply(code=ERROR).err
        assert said == f"mlops: {disk}/state.db.dev.lock: the run lock cannot be opened: Read-only file system\n"
        assert applied.read("live.jsonl") == live
    applied.apply()
    assert_settled(applied)


def test_f26_a_state_that_cannot_be_written_is_read_all_the_same(applied: Repository) -> None:
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    with read_only(applied.folder / ".mlops"):
        assert applied.steps() == [f"scale {BLUE}"]
        assert "4 resources recorded" in applied.mlops("status").out
        assert "No drift." in applied.mlops("drift").out


def test_f26_a_revision_is_read_where_nothing_can_be_laid_out(applied: Repository, tmp_path: Path) -> None:
    applied.write(".gitignore", ".mlops/\nlive.jsonl\n")
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "x"]):
        applied.git(*words)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    (tmp_path / "temporary").mkdir()
    elsewhere = {"TMPDIR": str(tmp_path / "temporary")}
    with read_only(applied.folder):
        assert applied.mlops("plan", "HEAD:manifests", **elsewhere).out.startswith("No changes.")
        assert "instance_count  1 -> 2" in applied.mlops("plan", "--against", "HEAD", **elsewhere).out
    assert [*(tmp_path / "temporary").iterdir()] == []


def test_f26_a_state_that_cannot_be_made_refuses_everything_and_names_the_folder(repo: Repository) -> None:
    (repo.folder / ".mlops").mkdir()
    with read_only(repo.folder / ".mlops") as disk:
        for words in (["plan"], ["apply", "--auto-approve"]):
            said = repo.mlops(*words, code=ERROR).err
            assert said.startswith(f"mlops: {disk}/state.db: cannot be used as state: [Errno 30] Read-only file system")
    assert not (repo.folder / "live.jsonl").exists()
    repo.apply()
    assert_settled(repo)
