"""The servers that `peers.py` measures: what each needs, how it is started and asked, and the models that it serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from installing import CACHE

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


@dataclass(frozen=True, eq=False)
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
# Its workers are of gunicorn's sync kind, so that its health waits too; but it is what is replaced.
AZURE_PEER = Peer("azureml-inference-server-http", ["azureml-inference-server-http==1.5.1"], _gunicorn)
PEERS = (
    INLINE_PEER,
    AZURE_PEER,
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
