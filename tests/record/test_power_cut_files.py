"""A power cut while private files are laid down: each is whole or absent, and what was acknowledged is there."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from losing_disk import LosingDisk

from reconciler.core.address import Address
from reconciler.core.manifest import Content
from reconciler.core.plan import Action, Operation, Plan, Step
from reconciler.errors import MlopsError
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.providers.memory import MemoryProvider
from reconciler.record.assets import AssetStore
from reconciler.record.sealing import SealKeys
from reconciler.saved import read_plan, save_plan

BLUE = Address("deployment", "blue", endpoint="credit")
KEEPS = (0.0, 0.5, 1.0)
SOURCE = {"score.py": "def run(data): ...\n" * 80, "deep/more.py": "x = 1\n", "deep/empty.py": ""}


def plan(serial: int) -> Plan:
    return Plan("dev", "lineage", serial, "tree", ())


class SavedPlans:
    """A plan, and another one over it."""

    def write(self, folder: Path, number: int) -> None:
        save_plan(folder / "plan.json", plan(number), {"text": "x" * 3000}, keys=SealKeys())

    def found(self, folder: Path) -> int:
        if not (folder / "plan.json").exists():
            return 0
        digest = read_plan(folder / "plan.json", keys=SealKeys()).digest
        return next(number for number in (1, 2) if plan(number).digest == digest)


class Assets:
    """A folder of code, and another version of it."""

    def __init__(self, source: Path) -> None:
        for number in (1, 2):
            for name, text in SOURCE.items():
                file = source / str(number) / "src" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{text}# {number}\n")
        self._sources = [source / str(number) / "src" for number in (1, 2)]
        self._digests = list(map(content_digest, self._sources))

    def write(self, folder: Path, number: int) -> None:
        sources = {d: Content(d, "src", s) for d, s in zip(self._digests, self._sources, strict=True)}
        store = AssetStore(folder / "assets", sources, digest_of=content_digest, files_of=content_files)
        store.path(self._digests[number - 1])

    def found(self, folder: Path) -> int:
        stored = [folder / "assets" / digest.replace(":", "-") for digest in self._digests]
        there = [path.exists() for path in stored]
        for path, digest in zip(stored, self._digests, strict=True):
            assert not path.exists() or content_digest(path) == digest
        return 2 if all(there) else 1 if there[0] else 0


class Objects:
    """The file of a memory target, to which a step appends, and which its end writes anew."""

    def write(self, folder: Path, number: int) -> None:
        provider = MemoryProvider(folder / "live.jsonl")
        step = Step(1, Action.CREATE, BLUE, "new", (), None, {"n": number, "text": "x" * 3000})
        provider.create(step, Operation(f"op-{number}", "lineage", number, lambda _line: None))
        if number == 2:
            provider.close()

    def found(self, folder: Path) -> int:
        with closing(MemoryProvider(folder / "live.jsonl")) as provider:
            live = provider.observe(BLUE)
        return int(live.spec["n"]) if live else 0


WRITTEN: dict[str, Callable[[Path], SavedPlans | Assets | Objects]] = {
    "saved plans": lambda _source: SavedPlans(),
    "assets": Assets,
    "objects": lambda _source: Objects(),
}


def losses(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, seed: int) -> list[str]:
    """What a cut at any moment loses or leaves half; each moment is cut three times."""
    root, image = folder / "disk", folder / "image"
    root.mkdir()
    written, found, done = WRITTEN[what](folder / "source"), [], 0

    def cut() -> None:
        for keep in KEEPS:
            disk.image(image, keep)
            with monkeypatch.context() as after:
                after.setattr("os.fsync", lambda _: None)
                found.append(wrong(keep))
            shutil.rmtree(image)

    def wrong(keep: float) -> str:
        try:
            there = written.found(image)
        except (MlopsError, AssertionError, StopIteration) as error:
            return f"{keep}: {error!r}"
        return "" if there in (done, done + 1) else f"{keep}: acknowledged {done}, found {there}"

    disk = LosingDisk(root, random.Random(seed), cut)
    with closing(disk), monkeypatch.context() as patch:
        patch.setattr("os.fsync", disk.fsync)
        for number in (1, 2):
            written.write(root, number)
            done = number
            cut()
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("what", WRITTEN)
def test_f27_a_private_file_is_whole_or_absent_after_any_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, seed: int
) -> None:
    found = losses(tmp_path, monkeypatch, what, seed)
    assert [each for each in found if each] == []
    assert len(found) >= 12


@pytest.mark.parametrize(
    ("what", "planted"),
    [
        ("saved plans", "reconciler.record.files.sync_folder"),
        ("saved plans", "reconciler.record.files._sync"),
        ("assets", "reconciler.record.assets.sync_names"),
        ("assets", "reconciler.record.laying.sync_folder"),
        ("objects", "reconciler.providers.memory.sync_folder"),
    ],
)
def test_f27_the_cuts_find_a_private_file_that_is_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, planted: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(planted, lambda _: None)
        assert any(losses(tmp_path, monkeypatch, what, 1))
