"""A state file that the disk has damaged: told with what to restore, never believed, and nothing live is touched."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Repository

BEFORE = "restore the backup state.db.backup-2 beside it, or move it away and run `mlops state rebuild`"


def flipped(whole: bytes) -> bytes:
    """One bit of the number of instances wherever it is recorded."""
    return whole.replace(b'"instance_count":2', b'"instance_count":3')


def cut(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def torn(whole: bytes) -> bytes:
    """Sectors that hold something else: those of the recorded deployment."""
    places = [place for place in range(0, len(whole), 512) if b'"instance_count"' in whole[place : place + 512]]
    torn = bytearray(whole)
    for place in places:
        torn[place : place + 512] = random.Random(place).randbytes(512)
    return bytes(torn)


DAMAGES: list[Callable[[bytes], bytes]] = [flipped, cut, torn]


@pytest.fixture
def written_twice(applied: Repository) -> Repository:
    """After a second run, which scaled to two."""
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.apply()
    return applied


def state_of(repository: Repository) -> Path:
    return repository.folder / ".mlops" / "state.db"


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("words", [["plan"], ["apply", "--auto-approve"], ["status"], ["drift"]], ids=lambda w: w[0])
def test_f24_a_damaged_state_is_refused_and_names_the_last_backup(
    written_twice: Repository, damage: Callable[[bytes], bytes], words: list[str]
) -> None:
    state, live = state_of(written_twice), written_twice.read("live.jsonl")
    whole = state.read_bytes()
    state.write_bytes(damage(whole))
    assert state.read_bytes() != whole
    written_twice.edit("manifests/blue.yml", "instance_count: 2", "instance_count: 3")
    said = written_twice.mlops(*words, code=1).err
    assert said.startswith(f"mlops: {state}: E-STATE-DAMAGED: ")
    assert said.endswith(f"{BEFORE}\n")
    assert written_twice.read("live.jsonl") == live


def test_f24_with_the_backup_in_place_again_one_apply_ends_with_nothing_to_do(written_twice: Repository) -> None:
    state = state_of(written_twice)
    state.write_bytes(cut(state.read_bytes()))
    written_twice.mlops("plan", code=1)
    shutil.copy(state.with_name("state.db.backup-2"), state)
    # The copy is from before the last run, which is told and taken over first.
    assert "E-OLD-RECORD" in written_twice.apply(code=4).err
    written_twice.mlops("apply", "--refresh-only")
    written_twice.apply()
    assert written_twice.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert written_twice.mlops("drift", "--detailed-exitcode").code == 0
    assert written_twice.live()["deployment/credit/blue"]["instance_count"] == 2


def test_a_run_without_changes_leaves_the_backups_as_they_are(written_twice: Repository) -> None:
    def backups() -> dict[str, int]:
        return {file.name: file.stat().st_mtime_ns for file in state_of(written_twice).parent.glob("state.db.backup-*")}

    before = backups()
    written_twice.apply()
    assert (backups(), sorted(before)) == (before, ["state.db.backup-1", "state.db.backup-2"])


@pytest.mark.parametrize("left", [b"", b"\0" * 8192], ids=["empty", "zeros"])
def test_f24_a_state_without_a_header_names_the_last_backup(written_twice: Repository, left: bytes):
    state_of(written_twice).write_bytes(left)
    assert "restore the backup state.db.backup-2 beside it" in written_twice.mlops("plan", code=1).err
