"""The scoring server beside those that a team would pick instead: the same models, each server in its own environment.

The environments are built by uv below `.bench/` when they are first wanted, and kept. A server that cannot be installed
or started stands in the table as absent.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from scoring import HEALTH, ROOT, Served, Target, request, served
from table import Row

CACHE = ROOT / ".bench"
UVICORN = [f"uvicorn=={version('uvicorn')}", "httptools"]
# Of the size of Azure's sample regression, in which scikit-learn itself takes some 100 us.
MODEL = CACHE / "ridge.pkl"
TRAIN = f"""\
import numpy, pickle
from sklearn.linear_model import Ridge
rows = numpy.random.default_rng(1).normal(size=(400, 10))
with open({str(MODEL)!r}, "wb") as file: pickle.dump(Ridge(alpha=0.03).fit(rows, rows @ numpy.arange(10)), file)
"""
ROWS = [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]
ECHO = """\
import json
def init(): pass
def predict(rows): return rows
def run(raw_data): return predict(json.loads(raw_data)["data"])
"""
REGRESSION = f"""\
import json, pickle
def init():
    global model
    with open({str(MODEL)!r}, "rb") as file: model = pickle.load(file)
def predict(rows): return model.predict(rows).tolist()
def run(raw_data): return predict(json.loads(raw_data)["data"])
"""
INLINE = """\
import json, score
score.init()
async def app(scope, receive, send):
    answer = b"ok"
    if scope["method"] == "POST":
        answer = json.dumps(score.run((await receive())["body"])).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
"""
STARLETTE = """\
import score
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
score.init()
async def run(request): return JSONResponse(await run_in_threadpool(score.run, await request.body()))
async def health(request): return PlainTextResponse("ok")
app = Starlette(routes=[Route("/score", run, methods=["POST"]), Route("/", health)])
"""
MLSERVER = """\
import score
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
import numpy
class Runtime(MLModel):
    async def load(self):
        score.init()
        return True
    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0]).tolist()
        answer = NumpyCodec.encode_output("scores", numpy.array(score.predict(rows)))
        return InferenceResponse(model_name="m", outputs=[answer])
"""
BENTOML = """\
import bentoml, score
@bentoml.service(workers=1)
class Service:
    def __init__(self): score.init()
    @bentoml.api(route="/score")
    def run(self, data: list) -> list: return score.predict(data)
"""


@dataclass(frozen=True)
class Peer:
    """A server to measure.

    Args:
        name: in the table.
        requirements: of its environment; scikit-learn is in all.
        command: the arguments after the environment's folder of programs, for a port.
        files: by name, with a port for `{port}`.
        path: of the requests.
        body: what they carry, for rows of numbers.
        health: the path that says when it is ready.
        live: whether it answers its health route while a run() goes on.
    """

    name: str
    requirements: Sequence[str]
    command: Callable[[int], Sequence[str]]
    files: Mapping[str, str] = field(default_factory=dict)
    path: str = "/score"
    body: Callable[[list[list[int]]], bytes] = lambda rows: json.dumps({"data": rows}).encode()
    health: str = "/"
    live: bool = True


def _uvicorn(port: int) -> Sequence[str]:
    return ("python", "-m", "uvicorn", "app:app", "--no-access-log", "--log-level", "error", "--port", str(port))


def _gunicorn(port: int) -> Sequence[str]:
    application = "azureml_inference_server_http.server.entry:app"
    return ("python", "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}", application)


def _tensor(rows: list[list[int]]) -> bytes:
    values = [value for row in rows for value in row]
    shape = [len(rows), len(rows[0])]
    return json.dumps({"inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "data": values}]}).encode()


OURS = Peer("mlops", UVICORN, lambda port: ("python", "-m", "reconciler.scoring", "--port", str(port)))
INLINE_PEER = Peer("bare uvicorn, run() inline", UVICORN, _uvicorn, {"app.py": INLINE}, live=False)
PEERS = (
    INLINE_PEER,
    # Its workers are of gunicorn's sync kind, so that its health waits too; but it is what is replaced.
    Peer("azureml-inference-server-http", ["azureml-inference-server-http==1.5.1"], _gunicorn),
    Peer("Starlette, thread pool", [*UVICORN, "starlette"], _uvicorn, {"app.py": STARLETTE}),
    Peer(
        "MLServer",
        ["mlserver==1.7.1"],
        lambda _port: ("mlserver", "start", "."),
        {
            "runtime.py": MLSERVER,
            "model-settings.json": '{"name": "m", "implementation": "runtime.Runtime"}',
            "settings.json": '{{"host": "127.0.0.1", "http_port": {port}, "grpc_port": {more}, "metrics_port": {most}, '
            '"metrics_endpoint": null, "parallel_workers": 0, "debug": false}}',
        },
        path="/v2/models/m/infer",
        body=_tensor,
        health="/v2/health/ready",
    ),
    Peer(
        "BentoML",
        ["bentoml==1.4.39"],
        lambda port: ("bentoml", "serve", "service:Service", "--host", "127.0.0.1", "--port", str(port)),
        {"service.py": BENTOML},
        health="/readyz",
    ),
)


def rows(environ: Mapping[str, str], requests: int) -> Iterator[Row]:
    """Ours beside every peer, for an echo and for a model."""
    _run(str(_installed(OURS) / "python"), "-c", TRAIN)
    for model, script in (("echo", ECHO), ("regression", REGRESSION)):
        ours = _measured(OURS, script, environ, requests)
        bare_s, bare_mb = _libraries(script, environ)
        what = f"scoring, {model}"
        yield Row(f"{what}, a request", ours.cpu_us, "us CPU", 250, note=_seen(ours))
        yield Row(
            f"{what}, start beyond its libraries", ours.start_s - bare_s, "s wall", 0.5, f"libraries: {bare_s:.2f}"
        )
        yield Row(f"{what}, memory beyond its libraries", ours.mb - bare_mb, "MB", 30, f"libraries: {bare_mb:.0f}")
        for peer in PEERS:
            yield _beside(f"  {peer.name}", peer, ours, script, environ, requests)


def _beside(what: str, peer: Peer, ours: Served, script: str, environ: Mapping[str, str], requests: int) -> Row:
    try:
        other = _measured(peer, script, environ, requests // (1 if peer is INLINE_PEER else 4))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Row(what, 0, "us CPU", note=f"absent: {error}")
    ratio, p99 = other.cpu_us / ours.cpu_us, other.p99_ms / ours.p99_ms
    note = f"p99 {p99:.1f} of ours; {_seen(other)}{'' if peer.live else '; health waits'}"
    return Row(what, other.cpu_us, "us CPU", peer=f"mlops: {ours.cpu_us:.0f}", ratio=ratio, note=note)


def _seen(one: Served) -> str:
    return (
        f"{one.per_s:.0f}/s, p50 {one.p50_ms:.2f} p99 {one.p99_ms:.2f} ms, start {one.start_s:.2f} s, {one.mb:.0f} MB"
    )


def _measured(peer: Peer, script: str, environ: Mapping[str, str], requests: int) -> Served:
    programs = _installed(peer)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        ports = dict(zip(("port", "more", "most"), _free_ports(3), strict=True))
        for name, text in {"score.py": script, **peer.files}.items():
            Path(folder, name).write_text(text.format(**ports) if name.startswith("settings") else text)
        program, *arguments = peer.command(ports["port"])
        own = {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "AML_APP_ROOT": folder,
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "BENTOML_HOME": folder,
            "BENTOML_DO_NOT_TRACK": "True",
        }
        health = HEALTH.replace(b"GET /", b"GET " + peer.health.encode())
        score = request(peer.path, peer.body(ROWS))
        target = Target(ports["port"], score, health)
        return served(peer.name, target, (str(programs / program), *arguments), {**environ, **own}, requests, folder)


def _installed(peer: Peer) -> Path:
    """The programs of the peer's environment, which is built first if need be."""
    home = CACHE / peer.name.split(",")[0].replace(" ", "-").lower()
    done = home / "requirements.txt"
    wanted = "\n".join([*peer.requirements, f"scikit-learn=={version('scikit-learn')}", ""])
    if not done.is_file() or done.read_text() != wanted:
        uv = str(Path(sys.executable).with_name("uv"))
        _run(uv, "--quiet", "venv", "--clear", "--no-project", "--python", sys.executable, str(home))
        _run(
            uv, "--quiet", "pip", "install", "--compile-bytecode", "--python", str(home / "bin/python"), *wanted.split()
        )
        done.write_text(wanted)
    return home / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])


def _libraries(script: str, environ: Mapping[str, str]) -> tuple[float, float]:
    """Seconds and megabytes that the model takes without a server."""
    code = f"import time; began = time.time()\n{script}\ninit()\nimport resource\n"
    code += "print(time.time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    python = str(_installed(OURS) / "python")
    printed = subprocess.run([python, "-c", code], env=environ, capture_output=True, text=True, check=True).stdout
    seconds, kilobytes = map(float, printed.split())
    return seconds, kilobytes / 1e3


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
