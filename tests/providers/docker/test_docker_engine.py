"""An engine is connected to as the docker command would, by many threads at once, and its refusals are one line."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from reconciler.errors import ProviderError, TransientError
from reconciler.providers.docker.engine import CONNECTIONS, Engine
from tests.engine.posing import Request, posing


@pytest.fixture
def engine(engine_host: str) -> Iterator[Engine]:
    engine = Engine(engine_host)
    yield engine
    engine.close()


@contextmanager
def refused(message: str) -> Iterator[None]:
    """What fails says so in one line."""
    with pytest.raises(ProviderError, match=message) as caught:
        yield
    assert "\n" not in str(caught.value)


def asked(host: str, **given: int) -> None:
    """Ask an engine for its containers, as a listing does."""
    engine = Engine(host, environment={}, **given)
    try:
        with engine.doing("nothing can be listed"):
            engine.api.containers()
    finally:
        engine.close()


def test_an_engine_is_found_by_the_environment(engine_host):
    engine = Engine(environment={"DOCKER_HOST": engine_host})
    assert engine.api.ping()
    engine.close()


def test_an_engine_is_found_by_the_context_of_the_docker_command(engine_host, tmp_path):
    meta = tmp_path / "contexts/meta" / hashlib.sha256(b"ours").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "ours", "Endpoints": {"docker": {"Host": engine_host}}}))
    (tmp_path / "config.json").write_text('{"currentContext": "ours"}')
    engine = Engine(environment={"DOCKER_CONFIG": str(tmp_path)})
    assert engine.api.ping()
    engine.close()


def test_threads_share_an_engine_and_its_connections(engine, caplog):
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        clients = list(pool.map(lambda _: engine.api, range(CONNECTIONS)))
        answers = list(pool.map(lambda _: engine.api.info()["ID"], range(5 * CONNECTIONS)))
    assert len({id(client) for client in clients}) == 1
    assert len(set(answers)) == 1
    assert "pool is full" not in caplog.text


def test_a_closed_engine_is_connected_to_again(engine):
    first = engine.api
    engine.close()
    assert engine.api is not first
    assert engine.api.ping()


def test_what_the_engine_refuses_is_said_in_its_own_words(engine):
    with (
        refused("^instance a cannot be started: No such container: nobody$"),
        engine.doing("instance a cannot be started"),
    ):
        engine.api.start("nobody")


def test_absence_is_an_answer_to_who_asks_for_it(engine):
    with engine.doing("nobody cannot be removed"), suppress(NotFound):
        engine.api.remove_container("nobody")


def test_a_file_that_is_missing_here_is_no_matter_of_the_engine(engine, tmp_path):
    with refused(r"^the model cannot be sent: \[Errno 2\] No such file"), engine.doing("the model cannot be sent"):
        (tmp_path / "model").read_bytes()


def test_without_an_engine_it_is_said_where_it_was_looked_for_and_what_to_do(tmp_path):
    with refused(
        r"^the Docker engine at unix://.*nothing\.sock \(docker: host .*\) is not there; start Docker, or say wh"
    ):
        asked(f"unix://{tmp_path}/nothing.sock")


def test_an_engine_that_ended_and_left_its_socket_is_not_running(tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left.sock"))
    with refused(r"left\.sock .* is not running; start Docker"):
        asked(f"unix://{tmp_path}/left.sock")


def test_who_may_not_use_the_engine_is_told_of_the_group(tmp_path):
    path = tmp_path / "private.sock"
    with socket.socket(socket.AF_UNIX) as private:
        private.bind(str(path))
        private.listen()
        path.chmod(0)
        with (
            refused(r"^you may not use the Docker engine at unix://.*; become a member of its socket's group"),
            nobody(),
        ):
            asked(f"unix://{path}")


@contextmanager
def nobody() -> Iterator[None]:
    """Be somebody whom files' permissions bind."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_an_engine_that_hangs_is_not_waited_for_without_end(tmp_path):
    path = tmp_path / "hangs.sock"
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(path))
        hanging.listen()
        with refused(r"hangs\.sock .* does not answer; see whether it is busy or hangs"):
            asked(f"unix://{path}", first_answer_s=1)


def test_an_engine_that_is_too_old_is_refused(tmp_path):
    version = {"Version": "18.09.1", "ApiVersion": "1.39"}
    with (
        posing(tmp_path / "old.sock", lambda request: request.say([]), version) as host,
        refused(r"is too old: its API is 1\.39, and 1\.41 is needed; update it to Docker 20\.10 or newer"),
    ):
        asked(host)


def test_an_engine_that_ends_while_it_is_asked_is_told_from_one_that_is_not_there(tmp_path):
    def end(request: Request) -> None:
        request.close_connection = True

    with posing(tmp_path / "ends.sock", end) as host, refused("^nothing can be listed: .* ended while it was asked"):
        asked(host)


def test_an_engine_that_ends_in_the_middle_of_an_answer_is_told_as_well(tmp_path):
    def half(request: Request) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"40\r\nhalf")
        request.close_connection = True

    with posing(tmp_path / "ends.sock", half) as host, refused("^nothing can be listed: .* ended while it answered"):
        asked(host)


def test_a_refusal_of_many_lines_is_made_one(tmp_path):
    with (
        posing(tmp_path / "d.sock", lambda request: request.say({"message": "first\n\tsecond.\n"}, 500)) as host,
        refused("^nothing can be listed: first second$"),
    ):
        asked(host)


def test_a_full_disk_comes_with_advice(tmp_path):
    full = {"message": "write /var/lib/docker/x: no space left on device"}
    with (
        posing(tmp_path / "d.sock", lambda request: request.say(full, 500)) as host,
        refused("no space left on device; the engine's disk is full; docker system df says by what$"),
    ):
        asked(host)


def failed(path: Path, *said: Any, **headers: str) -> ProviderError:
    """The error of a call to which an engine says this."""
    with (
        posing(path / "d.sock", lambda request: request.say(*said, **headers)) as host,
        pytest.raises(ProviderError) as caught,
    ):
        asked(host)
    return caught.value


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_f09_what_a_busy_engine_refuses_may_be_asked_again(tmp_path, status):
    error = failed(tmp_path, {"message": "busy"}, status)
    assert isinstance(error, TransientError)
    assert (error.retry_after_s, error.maybe_done) == (None, False)


@pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)])
def test_f11_an_engine_says_how_long_to_wait(tmp_path, header, seconds):
    error = failed(tmp_path, {"message": "too many requests"}, 429, retry_after=header)
    assert isinstance(error, TransientError)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("driver failed: port is already allocated", 500),
        ("no such image", 404),
        ("This node is not a swarm manager. Use docker swarm init", 503),
    ],
)
def test_what_does_not_pass_is_not_asked_again(tmp_path, message, status):
    assert not isinstance(failed(tmp_path, {"message": message}, status), TransientError)


def test_an_engine_that_went_while_it_was_asked_may_be_back_in_a_moment(tmp_path):
    def end(request: Request) -> None:
        request.close_connection = True

    with posing(tmp_path / "ends.sock", end) as host, pytest.raises(TransientError, match="ended while it was asked"):
        asked(host)
    with pytest.raises(TransientError, match="is not there"):
        asked(f"unix://{tmp_path}/nothing.sock")


@pytest.mark.parametrize("version", [[], {}, "hello", {"ApiVersion": "new"}])
def test_what_answers_and_is_no_engine_is_refused(tmp_path, version):
    with (
        posing(tmp_path / "d.sock", lambda request: request.say([]), version) as host,
        refused(r"^what answers at unix://.* is no Docker engine; say where one is in DOCKER_HOST"),
    ):
        asked(host)
