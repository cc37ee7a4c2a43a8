"""How long a pushed commit waits for the watcher of its branch."""

import json
import os
import subprocess
import time
from pathlib import Path

from folders import write_folder
from measuring import MLOPS, Bench
from table import Row

INTERVAL_S, WITHIN_S = 2.0, 2.0
RESOURCES = 1000


def reaction(bench: Bench) -> Row:
    """The longest of some: from the push until the watcher says that the commit is in force."""
    folder = bench.folder / "watched"
    work = folder / "work"
    work.mkdir(parents=True)
    write_folder(work, RESOURCES)
    _git(bench, folder, "init", "-q", "--bare", "-b", "main", "remote.git")
    _git(bench, work, "init", "-q", "-b", "main")
    _push(bench, work)
    argv = (MLOPS, "watch", "remote.git", "--folder", "clone", "--interval", f"{INTERVAL_S:g}s", "--format", "json")
    watcher = subprocess.Popen(
        argv, cwd=folder, env=bench.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        _in_force(watcher)
        waited = [_waited(bench, work, watcher, number) for number in range(bench.runs(12, 4))]
    finally:
        watcher.terminate()
        watcher.wait()
        if watcher.stdout:
            watcher.stdout.close()
    return Row(
        f"watch, from a push until it is in force, of {RESOURCES:,} resources",
        max(waited),
        "s",
        INTERVAL_S + WITHIN_S,
        note=f"interval {INTERVAL_S:g} s; the longest of {len(waited)}, the shortest {min(waited):.2f} s",
    )


def _waited(bench: Bench, work: Path, watcher: "subprocess.Popen[str]", number: int) -> float:
    time.sleep(INTERVAL_S * number / 7 % INTERVAL_S)  # somewhere between two rounds
    file = next(work.glob("manifests/e*/endpoint.yml"))
    text = file.read_text(encoding="utf-8").partition("tags:")[0].rstrip()
    file.write_text(f"{text}\ntags: {{push: '{number}'}}\n", encoding="utf-8")
    _push(bench, work)
    began = time.monotonic()
    _in_force(watcher)
    return time.monotonic() - began


def _in_force(watcher: "subprocess.Popen[str]") -> None:
    assert watcher.stdout
    for line in watcher.stdout:
        if json.loads(line)["event"] == "in force":
            return
    raise RuntimeError("the watcher ended")


def _push(bench: Bench, work: Path) -> None:
    _git(bench, work, "add", "--all")
    _git(bench, work, "commit", "-q", "-m", "a change")
    _git(bench, work, "push", "-q", "../remote.git", "HEAD:main")


def _git(bench: Bench, folder: Path, *words: str) -> None:
    who = {f"GIT_{each}_{what}": "a@b.example" for each in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**bench.environ, **who, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *words], cwd=folder, env=env, check=True)
