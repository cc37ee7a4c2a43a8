"""The docker provider, by wall time: an echo and a scikit-learn model, each beside the same life by the docker command.

Images are built before anything is measured, and stay on the engine, as caches do.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from counting import Counted
from local import HOUSES, Asked, answering, edited, ended, house_prices, mlops, other_code
from measuring import MLOPS, Bench, Command, Cost, free_ports
from table import Absent, Row, compared

# What environments are made from: BENCH_IMAGE, or else the first image of these that the engine has.
BASES = ("mlops-test/base:", "python:3.11-slim", "python:3.12-slim")
PROJECT = f"bench-{os.getpid()}"
TARGET = f"{{provider: docker, default: true, docker: {{project: {PROJECT}}}}}"
ECHO = {
    "endpoint.yml": "name: echo\nauth_mode: key\ntraffic: {blue: 100}\n",
    "blue.yml": """\
name: blue
endpoint_name: echo
code_configuration: {code: src, scoring_script: score.py}
environment: {image: IMAGE}
instance_type: Standard_DS2_v2
instance_count: 1
""",
    "src/score.py": "def init(): pass\n\n\ndef run(raw_data): return raw_data\n",
}
# What somebody would write who has no scoring server: it loads, then answers whatever it is asked.
PEER = """\
import http.server, sys
LOAD
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("", 5001), Handler).serve_forever()
"""


class Model(NamedTuple):
    """Something to deploy.

    Args:
        name: in the table.
        goal: seconds to its first answer.
        write: writes its manifests for a folder and a base image, and returns its deployment's file.
        asked: a request to it.
        load: what its peer runs before it answers.
    """

    name: str
    goal: float
    write: Callable[[Path, str], Path]
    asked: Asked
    load: str


def containers(bench: Bench) -> Iterator[Row | Absent]:
    """The life of an endpoint with one deployment, for an echo and for the example's model."""
    missing, base = _found()
    if missing:
        yield Absent("docker", missing)
        return
    for model in (
        Model("echo", 2.0, _echo, Asked("echo", b"{}"), ""),
        Model("sklearn", 4.0, _houses, HOUSES, "import sklearn.linear_model"),
    ):
        yield from _life(bench, model, base)


def _found() -> tuple[str, str]:
    """Why nothing can be measured, and what environments are made from; one of them is empty."""
    if shutil.which("docker") is None:
        return "there is no docker command", ""
    try:
        images = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    except RuntimeError as error:
        return str(error), ""
    known = (image for base in BASES for image in images if image.startswith(base))
    base = os.environ.get("BENCH_IMAGE") or next(known, "")
    return ("" if base else "the engine has no image with Python that is known here; name one in BENCH_IMAGE"), base


def _life(bench: Bench, model: Model, base: str) -> Iterator[Row]:
    folder = bench.folder / f"docker-{model.name}"
    blue = model.write(folder, base)
    peer = None
    try:
        answering(bench, folder, model.asked)
        peer = Peer(model.load)
        calls = _calls_of_a_plan(bench, folder)
        mlops(bench, folder, "destroy", "--auto-approve")
        ours: Sequence[tuple[str, float | None, Callable[[], Cost]]] = (
            ("first deployment to its answer", model.goal, lambda: answering(bench, folder, model.asked)),
            ("plan, no change", None, lambda: mlops(bench, folder, "plan", expect="No changes")[0]),
            ("roll-out of one instance", 3.0, lambda: edited(bench, folder, blue, other_code)),
            ("destroy", 1.5, lambda: mlops(bench, folder, "destroy", "--auto-approve")[0]),
        )
        theirs = (
            ("docker run, to its answer", peer.start),
            ("docker ps", lambda: bench.run(Command(("docker", "ps", "--all"), folder))[0]),
            ("docker run, to its answer, rm -f", peer.replace),
            ("docker rm -f", peer.remove),
        )
        written = blue.read_text()
        seen: list[tuple[list[Cost], list[Cost]]] = [([], []) for _ in ours]
        for _ in range(bench.runs(5, 2)):
            blue.write_text(written)
            for (_, _, measured), (_, other), (costs, others) in zip(ours, theirs, seen, strict=True):
                costs.append(measured())
                others.append(other())
    finally:
        if peer:
            peer.end()
        ended(bench, folder)
        _nothing_left()
    for (what, goal, _), (name, _), (costs, others) in zip(ours, theirs, seen, strict=True):
        yield compared(f"docker, {model.name}: {what}", costs, (name, others), by="wall", goal=goal)
    yield Row(f"docker, {model.name}: engine's calls of a plan", len(calls), "calls", 1, note=", ".join(calls))


def _echo(folder: Path, base: str) -> Path:
    for name, text in ECHO.items():
        file = folder / "manifests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("IMAGE", base))
    (folder / "mlops.yaml").write_text(f"manifests: manifests\ntargets:\n  bench: {TARGET}\n")
    return folder / "manifests" / "blue.yml"


def _houses(folder: Path, base: str) -> Path:
    overridden = f"{TARGET[:-1]}, overrides: {{'environment/sklearn:1': {{image: '{base}'}}}}}}"
    return house_prices(folder, overridden)


def _calls_of_a_plan(bench: Bench, folder: Path) -> Sequence[str]:
    """What a plan that changes nothing asks the engine for; that both agree on a version of the API is no question."""
    with Counted(bench.folder / "engine.sock") as counted:
        mlops_there = ("env", f"DOCKER_HOST={counted.address}", MLOPS, "plan")
        bench.run(Command(mlops_there, folder, "No changes"))
    return [call for call in counted.calls if not call.endswith("/version")]


def _running() -> tuple[str, str]:
    """The image of our instance that runs, and the interpreter in it."""
    ours = ("--filter", f"label=mlops.project={PROJECT}", "--filter", "label=mlops.kind=instance")
    (name,) = docker("ps", "--quiet", *ours).split()
    (config,) = json.loads(docker("inspect", name))
    return config["Config"]["Image"], config["Path"]


class Peer:
    """A container by the docker command, of the image that ours runs, in a network of its own as ours are."""

    def __init__(self, load: str) -> None:
        self._script = PEER.replace("LOAD", load)
        self._image, self._python = _running()
        self._network = f"{PROJECT}-peer"
        self._started = 0
        docker("network", "create", self._network)

    def start(self) -> Cost:
        """Run another one, until it answers."""
        (port,) = free_ports(1)
        began = time.perf_counter()
        self._started += 1
        name, published = self._name(self._started), f"127.0.0.1:{port}:5001"
        options = ("--detach", "--name", name, "--network", self._network, "--publish", published)
        docker("run", *options, "--entrypoint", self._python, self._image, "-c", self._script)
        while not _answers(port):
            time.sleep(0.005)
        return Cost(0, time.perf_counter() - began)

    def replace(self) -> Cost:
        """Run another one, then end the one before."""
        former = self._name(self._started)
        cost, began = self.start(), time.perf_counter()
        docker("rm", "--force", former)
        return Cost(0, cost.wall + time.perf_counter() - began)

    def remove(self) -> Cost:
        """End the one that runs."""
        began = time.perf_counter()
        docker("rm", "--force", self._name(self._started))
        return Cost(0, time.perf_counter() - began)

    def end(self) -> None:
        """Leave nothing on the engine."""
        for number in range(1, self._started + 1):
            docker("rm", "--force", self._name(number))
        docker("network", "rm", self._network)

    def _name(self, number: int) -> str:
        return f"{PROJECT}-peer-{number}"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except (OSError, urllib.error.URLError):
        return False


def docker(*words: str) -> str:
    """What the docker command prints.

    Raises:
        RuntimeError: it fails; with its first line.
    """
    done = subprocess.run(("docker", *words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[0])
    return done.stdout


def _nothing_left() -> None:
    """What a destroyed target left on the engine is an error; an image is not."""
    ours = ("--quiet", "--filter", f"label=mlops.project={PROJECT}")
    left = {
        "containers": docker("ps", "--all", *ours).split(),
        "volumes": docker("volume", "ls", *ours).split(),
        "networks": docker("network", "ls", *ours).split(),
    }
    if any(left.values()):
        raise RuntimeError(f"left on the engine after destroy: {left}")
