"""The local provider, by wall time: a scikit-learn model from nothing to its first answer through the gateway."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
from measuring import MLOPS, Bench, Command, Cost, python
from table import Row, compared

MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
KEPT = (
    "house-prices/endpoint.yml",
    "house-prices/blue.yml",
    "house-prices/src/score.py",
    "models/house-prices-1.yml",
    "models/house-prices-v1/model.pkl",
    "environments/sklearn.yml",
    "environments/conda.yml",
)
PEER = "import sklearn.linear_model"


class Asked(NamedTuple):
    """A request: the endpoint, and a body of JSON."""

    endpoint: str
    body: bytes


HOUSES = Asked("house-prices", (MANIFESTS / "house-prices" / "sample-request.json").read_bytes())


def local(bench: Bench) -> list[Row]:
    """One endpoint with one deployment, through its whole life, several times; the environment is built before."""
    folder = bench.folder / "local"
    blue = house_prices(folder, "{provider: local, default: true}")
    life = (
        ("apply, one new endpoint, to its answer", 4.0, lambda: answering(bench, folder, HOUSES)),
        ("apply, no change", 0.5, lambda: apply(bench, folder, "No changes")),
        ("roll-out of one instance", None, lambda: edited(bench, folder, blue, other_code)),
        ("scale from 1 to 2 instances", None, lambda: edited(bench, folder, blue, _two_instances)),
        ("destroy", None, lambda: mlops(bench, folder, "destroy", "--auto-approve")[0]),
    )
    peer = python(PEER, folder)
    written = blue.read_text()
    seen: list[tuple[list[Cost], list[Cost]]] = [([], []) for _ in life]
    try:
        answering(bench, folder, HOUSES)
        mlops(bench, folder, "destroy", "--auto-approve")
        bench.run(peer)
        for _ in range(bench.runs(5, 2)):
            blue.write_text(written)
            for (_, _, measured), (costs, others) in zip(life, seen, strict=True):
                costs.append(measured())
                others.append(bench.run(peer)[0])
    finally:
        ended(bench, folder)
    rows = zip(life, seen, strict=True)
    return [compared(what, a, ("import sklearn", b), by="wall", goal=goal) for (what, goal, _), (a, b) in rows]


def house_prices(folder: Path, target: str) -> Path:
    """Write the endpoint of the example with its first deployment alone; returns the deployment's file.

    Args:
        folder: where to.
        target: what `mlops.yaml` says of the only target.
    """
    for name in KEPT:
        file = folder / "manifests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MANIFESTS / name, file)
    (folder / "mlops.yaml").write_text(f"manifests: manifests\ntargets:\n  bench: {target}\n")
    endpoint = folder / "manifests" / KEPT[0]
    lines = endpoint.read_text().replace("blue: 90", "blue: 100").splitlines()
    endpoint.write_text("\n".join(line for line in lines if "green:" not in line) + "\n")
    return folder / "manifests" / KEPT[1]


def mlops(bench: Bench, folder: Path, *words: str, expect: str = "") -> tuple[Cost, str]:
    """Run the command line in a folder; its cost and its output, which must hold `expect`."""
    return bench.run(Command((MLOPS, *words), folder, expect))


def apply(bench: Bench, folder: Path, expect: str = "succeeded.") -> Cost:
    """What an apply takes."""
    return mlops(bench, folder, "apply", "--auto-approve", expect=expect)[0]


def answering(bench: Bench, folder: Path, asked: Asked) -> Cost:
    """An apply and the first request after it; asking for the address and the key is not counted."""
    cost = apply(bench, folder)
    show = ("show", f"endpoint/{asked.endpoint}", "--query", "scoring_uri", "-o", "tsv")
    uri = mlops(bench, folder, *show)[1].strip()
    key = mlops(bench, folder, "credentials", asked.endpoint, "--query", "primaryKey", "-o", "tsv")[1].strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    began = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(uri, asked.body, headers), timeout=10) as answer:
        json.load(answer)
    return Cost(cost.cpu, cost.wall + time.perf_counter() - began, cost.mb)


def edited(bench: Bench, folder: Path, file: Path, edit: Callable[[str], str]) -> Cost:
    """What an apply takes after an edit of a file."""
    file.write_text(edit(file.read_text()))
    return apply(bench, folder)


def other_code(text: str) -> str:
    """A deployment's file with which it is rolled out."""
    return text + "environment_variables:\n  RELEASE: two\n"


def _two_instances(text: str) -> str:
    return text.replace("instance_count: 1", "instance_count: 2")


def ended(bench: Bench, folder: Path) -> None:
    """Destroy what is there, and see that no process of it is left; one that is, is ended and told of."""
    try:
        mlops(bench, folder, "destroy", "--auto-approve")
    finally:
        left = psutil.wait_procs(_processes(folder), timeout=15)[1]
        for process in left:
            process.kill()
    if left:
        raise RuntimeError(f"left running after destroy, now ended: {[process.pid for process in left]}")


def _processes(folder: Path) -> list[psutil.Process]:
    """Those whose command line or current folder is of this target."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
        if any(str(folder) in word for word in words):
            found.append(process)
    return found
