"""The codes that come back from a real scoring server behind the real gateway, of managed and Kubernetes endpoints."""

import errno
import http.client
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from local_world import PATIENCE_S, World

from reconciler.core.address import Address
from reconciler.keeper.client import Keeper
from reconciler.kinds import KINDS
from tests.waiting import until

REASON = "ms-azureml-model-error-reason"
STATUS = "ms-azureml-model-error-statuscode"
BLUE = "deployment/credit/blue"

# Does what it is asked to do; `wait` until there is a file.
SCRIPT = """
import json, os, time
def init(): pass
def run(raw_data):
    wish = json.loads(raw_data)
    while wish == "wait" and not os.path.exists(os.environ["GATE"]): time.sleep(0.01)
    if wish == "raise": raise ValueError("a customer without a name")
    if wish == "die": os._exit(7)
    return wish
"""


@dataclass(frozen=True)
class Codes:
    """What a kind of endpoint answers: to too many, to what takes too long, to an exception, and to a refused input."""

    full: int
    late: int
    broken: int
    refused: int


CODES = {"managed": Codes(429, 408, 424, 424), "kubernetes": Codes(503, 504, 502, 400)}


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str | None = None
    statuscode: str | None = None
    body: bytes = b""

    @property
    def told(self) -> tuple[int, str | None, str | None]:
        return self.status, self.reason, self.statuscode


@dataclass(frozen=True)
class Credit:
    """Endpoint `credit` as its clients know it; `gate` is the file that requests wait for."""

    kind: str
    uri: str
    key: str
    gate: Path

    @property
    def codes(self) -> Codes:
        return CODES[self.kind]

    def ask(self, body: bytes) -> Answer:
        uri = urlsplit(self.uri)
        connection = http.client.HTTPConnection(str(uri.hostname), uri.port, timeout=2 * PATIENCE_S)
        try:
            connection.request("POST", uri.path, body, {"authorization": f"Bearer {self.key}"})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheader(REASON), answer.getheader(STATUS), answer.read())
        finally:
            connection.close()

    def wish(self, wish: str) -> Answer:
        return self.ask(json.dumps(wish).encode())


Deploy = Callable[..., Credit]


@pytest.fixture(params=sorted(CODES))
def deploy(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Deploy]:
    """Makes the endpoint, and a deployment of so many instances with these request settings, which gets its traffic."""
    kind, gate = request.param, tmp_path / "gate"

    def deployed(*, instances: int = 1, **settings: int) -> Credit:
        endpoint = {**KINDS["endpoint"].defaults[kind], **({"compute": "azureml:c"} if kind == "kubernetes" else {})}
        world.do("create", "endpoint/credit", endpoint)
        world.do("create", BLUE, spec(world, kind, gate, settings, instances))
        world.do("route", "endpoint/credit", {**endpoint, "traffic": {"blue": 100}})
        address = Address("endpoint", "credit")
        uri = world.live(str(address)).detail["scoring_uri"]
        return Credit(kind, uri, str(world.provider.credentials(address)["primaryKey"]), gate)

    yield deployed
    gate.touch()


def spec(world: World, kind: str, gate: Path, settings: dict[str, int], instances: int) -> dict[str, Any]:
    patient = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 1, "max_queue_wait_ms": 500}
    return {
        **KINDS["deployment"].defaults[kind],
        "code_configuration": {"code": world.contents.script(SCRIPT), "scoring_script": "score.py"},
        "environment_variables": {"GATE": str(gate)},
        "instance_count": instances,
        "request_settings": {**patient, **settings},
    }


def is_closed(path: Path) -> bool:
    """Whether nobody is left behind a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == errno.ECONNREFUSED


def done(futures: list[Future[Answer]]) -> list[Answer]:
    return [future.result() for future in futures if future.done()]


def test_of_requests_at_once_as_many_are_taken_as_run_and_wait_and_the_others_are_refused(deploy: Deploy):
    credit = deploy(instances=2, max_concurrent_requests_per_instance=2)
    with ThreadPoolExecutor(12) as clients:
        try:
            futures = [clients.submit(credit.wish, "wait") for _ in range(12)]
            until(lambda: len(done(futures)) >= 4)
            assert {answer.told for answer in done(futures)} == {(credit.codes.full, "too_many_pending_request", None)}
        finally:
            credit.gate.touch()
        answers = Counter(future.result().status for future in futures)
    assert answers == {200: 8, credit.codes.full: 4}


def test_a_request_longer_than_its_time_out_is_given_up_and_others_are_served(deploy: Deploy):
    credit = deploy(request_timeout_ms=500, max_concurrent_requests_per_instance=2)
    assert credit.wish("wait").told == (credit.codes.late, None, None)
    assert credit.wish("score").told == (200, None, None)


def test_what_the_model_fails_or_refuses_is_told_with_its_own_code(deploy: Deploy):
    credit = deploy()
    assert credit.wish("raise").told == (credit.codes.broken, "model_error", "500")
    not_text = credit.ask(b"\xff")
    own = ("model_error", "400") if credit.kind == "managed" else (None, None)
    assert not_text.told == (credit.codes.refused, *own)
    assert credit.wish("score") == Answer(200, body=b'"score"')


def test_a_model_that_dies_over_a_request_fails_that_one_and_is_started_again(world: World, deploy: Deploy):
    credit = deploy()
    answer = credit.wish("die")
    assert (answer.status, answer.reason) == (credit.codes.broken, "model_error")
    until(lambda: credit.wish("score").status == 200)
    (instance,) = world.live(BLUE).detail["instances"]
    assert (instance["restarts"], instance["last_exit"]) == (1, "exit code 7")


def test_a_deployment_whose_instances_are_gone_is_not_ready_until_they_are_started_again(world: World, deploy: Deploy):
    credit, instances = deploy(instances=2), world.live(BLUE).detail["instances"]
    keeper = Keeper(world.layout.keeper, world.layout.sockets / "keeper.sock").pid()
    assert keeper is not None
    os.kill(keeper, signal.SIGSTOP)
    try:
        for each in instances:
            os.kill(each["pid"], signal.SIGKILL)
            until(partial(is_closed, world.layout.socket(each["name"])))
        assert credit.wish("score").told == (503, "model_not_ready", None)
    finally:
        os.kill(keeper, signal.SIGCONT)
    until(lambda: credit.wish("score").status == 200)
