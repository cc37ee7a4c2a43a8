"""Registering a model of a gibibyte, beside `sha256sum` and `cp` of the same folder."""

import os
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import MLOPS, Bench, Command, Cost, median
from table import Row

LARGE, SMALL = 3, 400
LARGE_BYTES, SMALL_BYTES = 333 << 20, 64 << 10
GOAL = 0.7

SETTINGS = """targets:
  dev: {{provider: local, default: true}}
  shared: {{provider: local, assets: "file://{share}"}}
"""
# With the processor's own instructions for SHA-256, which not every sha256sum uses.
HASHED = """
import hashlib, sys
from pathlib import Path
for path in Path(sys.argv[1]).rglob("*"):
    if path.is_file():
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
"""


def assets(bench: Bench) -> Iterator[Row]:
    """Into the folder of a target alone, then into a store elsewhere besides, which here is a folder, too."""
    folder = bench.folder / "assets"
    model, copy, share = folder / "big", folder / "copy", folder / "share"
    model.mkdir(parents=True)
    _fill(model)
    (folder / "mlops.yaml").write_text(SETTINGS.format(share=share))
    digests = Command(("sh", "-c", 'find "$1" -type f -exec sha256sum {} +', "sh", str(model)), folder)
    hashed = Command((sys.executable, "-c", HASHED, str(model)), folder)
    copies = Command(("cp", "-r", str(model), str(copy)), folder, prepare=lambda: _gone(copy))
    ours, shared = _registering(folder, share, "dev"), _registering(folder, share, "shared")
    by_sum, by_hash, by_copy, own, elsewhere = bench.in_turns([digests, hashed, copies, ours, shared], bench.runs(5, 1))
    yield _row("model create of 1 GiB", "sha256sum + cp", (by_sum, by_copy, own), goal=GOAL)
    yield _row("the same, beside a fast hash", "hashlib + cp", (by_hash, by_copy, own))
    yield _row("and into a store elsewhere", "sha256sum + cp", (by_sum, by_copy, elsewhere))


def _fill(model: Path) -> None:
    for number in range(LARGE):
        with (model / f"weights-{number}.bin").open("wb") as file:
            for _ in range(LARGE_BYTES >> 20):
                file.write(os.urandom(1 << 20))
    for number in range(SMALL):
        (model / f"part-{number // 50}").mkdir(exist_ok=True)
        (model / f"part-{number // 50}" / f"{number}.json").write_bytes(os.urandom(SMALL_BYTES))


def _registering(folder: Path, share: Path, target: str) -> Command:
    """Of nothing that is there already, in the folder or in the share."""

    def prepare() -> None:
        _gone(share)
        share.mkdir()
        _gone(folder / ".mlops")

    words = (MLOPS, "model", "create", "--name", "big", "--path", "big", "--target", target)
    return Command(words, folder, '"name": "big"', prepare=prepare)


def _gone(folder: Path) -> None:
    """Remove a folder, and have the disk at rest: what one left to be written the next is not to wait for."""
    shutil.rmtree(folder, ignore_errors=True)
    os.sync()


def _row(what: str, peer: str, costs: Sequence[Sequence[Cost]], *, goal: float | None = None) -> Row:
    """What the peer takes over what we take, in the median of the rounds."""
    sums, copies, ours = costs
    ratio = statistics.median(
        (hashed.wall + copied.wall) / own.wall for hashed, copied, own in zip(sums, copies, ours, strict=True)
    )
    typical, beside = median(ours), f"{peer}: {median(sums).wall:.2f} + {median(copies).wall:.2f} s"
    note = f"{typical.wall:.2f} s wall, CPU {typical.cpu:.2f} s, {typical.mb:.0f} MB"
    return Row(f"{what}: peer over ours", ratio, "", goal, beside, note=note, at_least=True)
