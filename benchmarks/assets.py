"""Registering a model of a gibibyte, beside `sha256sum` and `cp` of the same folder."""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import MLOPS, Bench, Command, Cost, median
from table import Row

LARGE, SMALL = 3, 400
LARGE_BYTES, SMALL_BYTES = 333 << 20, 64 << 10
GOAL = 0.7

SETTINGS = "manifests: manifests\ntargets:\n  dev: {{provider: local, default: true{more}}}\n"
MODEL = "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\nname: big\nversion: 1\npath: {path}\n"
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
    """On the folder of a target without further ado, then with a store elsewhere, which here is a folder, too."""
    folder = bench.folder / "assets"
    model = folder / "one" / "manifests" / "big"
    model.mkdir(parents=True)
    _fill(model)
    digests = Command(("sh", "-c", 'find "$1" -type f -exec sha256sum {} +', "sh", str(model)), folder)
    hashed = Command((sys.executable, "-c", HASHED, str(model)), folder)
    copy = folder / "copy"
    copies = Command(("cp", "-r", str(model), str(copy)), folder, prepare=lambda: _gone(copy))
    registers = _registering(folder / "one", "")
    by_sum, by_hash, by_copy, ours = bench.in_turns([digests, hashed, copies, registers], bench.runs(5, 1))
    _gone(copy)
    _destroyed(folder / "one")
    yield _row("register 1 GiB", "sha256sum + cp", (by_sum, by_copy, ours), goal=GOAL)
    yield _row("the same, beside a fast hash", "hashlib + cp", (by_hash, by_copy, ours))


def _fill(model: Path) -> None:
    for number in range(LARGE):
        with (model / f"weights-{number}.bin").open("wb") as file:
            for _ in range(LARGE_BYTES >> 20):
                file.write(os.urandom(1 << 20))
    for number in range(SMALL):
        (model / f"part-{number // 50}").mkdir(exist_ok=True)
        (model / f"part-{number // 50}" / f"{number}.json").write_bytes(os.urandom(SMALL_BYTES))


def _registering(folder: Path, more: str) -> Command:
    (folder / "mlops.yaml").write_text(SETTINGS.format(more=more))
    (folder / "manifests" / "model.yml").write_text(MODEL.format(path="big"))
    words = (MLOPS, "apply", "manifests/model.yml", "--auto-approve")
    return Command(words, folder, "1 succeeded", prepare=lambda: _gone(folder / ".mlops"))


def _gone(folder: Path) -> None:
    """Remove a folder, and have the disk at rest: what one left to be written the next is not to wait for."""
    shutil.rmtree(folder, ignore_errors=True)
    os.sync()


def _destroyed(folder: Path) -> None:
    subprocess.run((MLOPS, "destroy", "--auto-approve"), cwd=folder, check=True, capture_output=True)


def _row(what: str, peer: str, costs: Sequence[Sequence[Cost]], *, goal: float | None = None) -> Row:
    """What the peer takes over what we take, in the median of the rounds."""
    sums, copies, ours = costs
    ratio = statistics.median(
        (hashed.wall + copied.wall) / own.wall for hashed, copied, own in zip(sums, copies, ours, strict=True)
    )
    typical, beside = median(ours), f"{peer}: {median(sums).wall:.2f} + {median(copies).wall:.2f} s"
    note = f"{typical.wall:.2f} s wall, CPU {typical.cpu:.2f} s, {typical.mb:.0f} MB"
    return Row(f"{what}, peer over ours", ratio, "", goal, beside, note=note, at_least=True)
