"""A client mixes up no two requests, keeps its connections, and sends again only what no model has seen."""

import json
import select
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reconciler.core.answer import Answer, Headers
from reconciler.errors import (
    InvocationError,
    MlopsError,
    ModelError,
    NoAnswerError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.operate.client import Caller, Client
from reconciler.operate.http_line import Access
from tests.ports import free_port
from tests.waiting import until

FULL = {"ms-azureml-model-error-reason": "too_many_pending_request"}
NOT_READY = {"ms-azureml-model-error-reason": "model_not_ready"}


class Server:
    """Answers what it is told to, then 200 with what came; knows each request by its connection."""

    def __init__(self) -> None:
        self.answers: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[tuple[str, int]] = set()
        self.uri = ""

    def reply(self, status: int, **headers: str) -> None:
        """Have the next request answered like this."""
        self.answers.append(lambda handler: answer(handler, status, b"{}", headers))

    def break_off(self) -> None:
        """Have the next request read, and its connection closed without an answer."""
        self.answers.append(lambda handler: setattr(handler, "close_connection", True))

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, _, body in self.seen]


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(port: int = 0) -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.connections.add(self.client_address)
            server.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if server.answers:
                server.answers.pop(0)(self)
            else:
                answer(self, 200, body or b"{}", {})

        do_GET = do_POST  # noqa: N815 - its name is what the server looks for

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        server.uri = f"http://127.0.0.1:{httpd.server_port}/api/v1/endpoint/credit/score"
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[Caller]:
    """One that waits for nothing between two tries."""
    with Caller("credit", lambda: Access(server.uri, "one"), sleep=lambda _: None) as made:
        yield made


def test_what_is_no_text_is_sent_as_json_and_the_answer_read_as_such(server: Server, client: Caller):
    answer = client.invoke({"data": [[1, 2]]})
    assert (answer.status, answer.ok, answer.json()) == (200, True, {"data": [[1, 2]]})
    [(method, path, headers, _)] = server.seen
    assert (method, path) == ("POST", "/api/v1/endpoint/credit/score")
    assert (headers["content-type"], headers["authorization"]) == ("application/json", "Bearer one")


@pytest.mark.parametrize("data", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_bytes_are_sent_as_they_are(server: Server, client: Caller, data: bytes):
    client.invoke(data, headers={"Content-Type": "application/octet-stream"})
    assert server.bodies == [b"\x00\xff"]
    assert server.seen[0][2]["content-type"] == "application/octet-stream"


def test_text_is_sent_as_it_is(server: Server, client: Caller):
    client.invoke('{"name": "Müller"}')
    assert server.bodies == ['{"name": "Müller"}'.encode()]


def test_an_array_is_sent_as_lists(server: Server, client: Caller):
    numpy = pytest.importorskip("numpy")
    client.invoke({"data": numpy.array([[1, 2]]), "weight": numpy.float32(0.5)})
    assert json.loads(server.bodies[0]) == {"data": [[1, 2]], "weight": 0.5}


def test_what_has_no_form_in_json_is_told_and_not_sent(server: Server, client: Caller):
    with pytest.raises(TypeError, match="set has no form in JSON"):
        client.invoke({"data": {1, 2}})
    assert server.seen == []


def test_a_deployment_and_headers_are_of_their_request_alone(server: Server, client: Caller):
    client.invoke({}, deployment="Green", headers={"x-ms-client-request-id": "7", "Authorization": "Bearer two"})
    client.invoke({})
    named, plain = (headers for _, _, headers, _ in server.seen)
    assert (named["azureml-model-deployment"], named["authorization"]) == ("green", "Bearer two")
    assert named["x-ms-client-request-id"] == "7"
    assert plain["authorization"] == "Bearer one"
    assert plain.keys().isdisjoint({"azureml-model-deployment", "x-ms-client-request-id"})


@pytest.mark.parametrize("foreign", ["blue\r\nx-more: opensesame", "opensesame\u2028"])
def test_a_header_that_would_be_more_than_itself_is_refused_and_not_shown(server: Server, client: Caller, foreign: str):
    for given in ({"deployment": foreign}, {"headers": {"Authorization": foreign}}):
        with pytest.raises(MlopsError, match="is more than one line of Latin-1 text") as refused:
            client.invoke("1", **given)  # type: ignore[arg-type]
        assert "opensesame" not in "".join(traceback.format_exception(refused.value))
    assert client.invoke("1").ok
    assert server.bodies == [b"1"]


def test_threads_mix_up_nothing(server: Server, client: Caller):
    def ask(number: int) -> tuple[int, str]:
        answer = client.invoke(number, deployment=f"d{number}")
        return number, answer.text

    with ThreadPoolExecutor(8) as pool:
        assert all(text == str(number) for number, text in pool.map(ask, range(100)))
    assert all(headers["azureml-model-deployment"] == f"d{int(body)}" for _, _, headers, body in server.seen)
    assert len(server.connections) <= 8


def test_a_connection_is_kept_for_the_next_request(server: Server, client: Caller):
    for _ in range(5):
        client.invoke({})
    assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(server: Server, client: Caller):
    server.answers.append(close_silently)
    client.invoke(1)
    [(_, connection)] = client._line._idle
    until(lambda: select.select([connection.sock], [], [], 0)[0])
    client.invoke(2)
    assert server.bodies == [b"1", b"2"]
    assert len(server.connections) == 2


def close_silently(handler: BaseHTTPRequestHandler) -> None:
    """Answer as if the connection stayed, and close it, as a proxy does that was idle for long."""
    answer(handler, 200, b"{}", {})
    handler.close_connection = True


@pytest.mark.parametrize(("status", "headers"), [(429, FULL), (429, {}), (503, NOT_READY)])
def test_what_no_instance_took_is_sent_again(server: Server, client: Caller, status: int, headers: dict[str, str]):
    server.reply(status, **headers)
    assert client.invoke({"n": 1}).status == 200
    assert server.bodies == [b'{"n": 1}', b'{"n": 1}']


@pytest.mark.parametrize(
    ("status", "headers"),
    [(424, {}), (500, {}), (503, {}), (502, {}), (408, {}), (404, {}), (429, {"ms-azureml-model-time": "3"})],
)
def test_what_a_model_may_have_seen_is_not_sent_again(
    server: Server, client: Caller, status: int, headers: dict[str, str]
):
    server.reply(status, **headers)
    with pytest.raises(InvocationError) as raised:
        client.invoke({})
    assert (raised.value.status, len(server.seen)) == (status, 1)


def test_an_answer_that_was_lost_is_told_and_its_request_not_sent_again(server: Server, client: Caller):
    client.invoke(1)
    server.break_off()
    with pytest.raises(NoAnswerError) as raised:
        client.invoke(2)
    assert (raised.value.maybe_seen, raised.value.status) == (True, None)
    assert server.bodies == [b"1", b"2"]


def test_where_nobody_listens_a_request_was_certainly_not_seen_and_is_tried_again_with_pauses():
    waited: list[float] = []
    uri = f"http://127.0.0.1:{free_port()}/score"
    client = Caller("credit", lambda: Access(uri), sleep=waited.append)
    with pytest.raises(NoAnswerError, match="does not answer") as raised:
        client.invoke({})
    assert raised.value.maybe_seen is False
    assert waited == [0.2, 0.4]


def test_an_endpoint_that_moved_is_looked_for_again():
    with serving() as server:
        places = [f"http://127.0.0.1:{free_port()}/score", server.uri]
        client = Caller("credit", lambda: Access(places.pop(0)), sleep=lambda _: None)
        assert client.invoke({}).ok
        client.close()


def test_the_pause_that_is_asked_for_is_made(server: Server):
    waited: list[float] = []
    server.reply(429, Retry_After="3")
    server.reply(429, Retry_After="3600")
    with Caller("credit", lambda: Access(server.uri), sleep=waited.append) as client:
        client.invoke({})
    assert waited == [3, 5]


def test_without_retries_the_first_answer_is_it(server: Server):
    server.reply(429, **FULL)
    with Client(server.uri, retries=0) as client, pytest.raises(UnavailableError):
        client.invoke({})
    assert len(server.seen) == 1


def test_a_key_that_opens_nothing_any_more_is_asked_for_again_once(server: Server):
    keys = ["old", "new", "newer"]
    server.reply(401)
    with Client(server.uri, key=lambda: keys.pop(0)) as client:
        assert client.invoke({}).ok
        assert [headers["authorization"] for _, _, headers, _ in server.seen] == ["Bearer old", "Bearer new"]
        server.reply(401)
        server.reply(401)
        keys.append("newest")
        with pytest.raises(UnauthorizedError):
            client.invoke({})
    assert len(server.seen) == 4


def test_a_key_that_stays_the_same_is_not_tried_again(server: Server):
    server.reply(401)
    with Client(server.uri, key="wrong") as client, pytest.raises(UnauthorizedError):
        client.invoke({})
    assert len(server.seen) == 1


def test_an_error_has_the_answer_and_without_check_it_is_given(server: Server, client: Caller):
    server.reply(424, **{"ms-azureml-model-error-statuscode": "500"})
    with pytest.raises(ModelError, match="credit answered 424") as raised:
        client.invoke({})
    assert raised.value.answer is not None
    assert raised.value.answer.model_status == 500
    server.reply(404)
    assert client.invoke({}, check=False).status == 404


def test_a_server_that_says_nothing_is_waited_for_so_long(server: Server, client: Caller):
    release = threading.Event()
    server.answers.append(lambda _: release.wait(60) and None)
    with pytest.raises(NoAnswerError, match=r"nothing within 0\.1 s") as raised:
        client.invoke({}, timeout=0.1)
    until(lambda: not server.answers)  # else it would be the next request that is not answered
    release.set()
    assert raised.value.maybe_seen
    assert client.invoke({}).ok


def test_the_openapi_document_lies_beside_the_endpoint(server: Server, client: Caller):
    assert client.openapi(version="2") == {}
    with Client(server.uri.replace("/api/v1/endpoint/credit", "")) as azure:
        azure.openapi()
    assert [path for _, path, _, _ in server.seen] == [
        "/api/v1/endpoint/credit/swagger.json?version=2",
        "/swagger.json?version=3",
    ]


def test_an_answer_that_came_before_all_was_sent_is_heard():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        uri = f"http://127.0.0.1:{listening.getsockname()[1]}/score"
        with Client(uri) as client, pytest.raises(InvocationError) as raised:
            client.invoke(b"x" * 30_000_000)
        thread.join()
    assert raised.value.status == 413


def test_the_environment_may_hold_the_token(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_TOKEN", "from-outside")
    with Client(server.uri) as client:
        client.invoke({})
    assert server.seen[0][2]["authorization"] == "Bearer from-outside"


def test_no_text_of_a_client_or_of_its_errors_shows_the_key(server: Server):
    key = "k3y-of-the-test"  # pragma: allowlist secret
    client = Client(server.uri, key=f"{key}\nX-Other: 1")
    with pytest.raises(MlopsError) as raised:
        client.invoke({})
    assert server.seen == []
    server.reply(401)
    refused = Client(server.uri, key=key)
    with pytest.raises(UnauthorizedError) as denied:
        refused.invoke({})
    refused.close()
    told = [repr(client), str(raised.value), repr(refused), str(denied.value), repr(Access(server.uri, key))]
    assert [text for text in told if key in text] == []


@pytest.mark.parametrize(
    "uri",
    [
        *("", "credit", "ftp://credit/score", "file:///etc/passwd", "http:///score", "http://host:99999/score"),
        *("http://host/sc ore", "http://host/score\r\nX: 1", "http://[host/score", "http://höst/score"),
    ],
)
def test_what_is_no_address_is_refused_at_once(uri: str):
    with pytest.raises(MlopsError, match="no address of an endpoint"):
        Client(uri)


def test_a_password_in_an_address_is_shown_nowhere():
    uri = f"http://ana:tiger@127.0.0.1:{free_port()}/score?sig=tiger"  # pragma: allowlist secret
    client = Client(uri, retries=0)
    with pytest.raises(NoAnswerError) as raised:
        client.invoke({})
    with pytest.raises(MlopsError) as refused:
        Client(uri.replace("http", "ftp"))
    assert [text for text in (repr(client), str(raised.value), str(refused.value)) if "tiger" in text] == []


def test_a_client_that_was_closed_says_so_and_sends_nothing(server: Server):
    with Client(server.uri) as client:
        client.invoke(1)
    client.close()
    with pytest.raises(MlopsError, match="this client is closed; make another one"):
        client.invoke(2)
    assert server.bodies == [b"1"]


def test_a_key_that_is_none_is_refused_at_once():
    with pytest.raises(TypeError, match="a key or token is text, or a function that gives it, not int"):
        Client("http://localhost/score", key=5)  # type: ignore[arg-type] - what is refused


def test_headers_are_found_however_they_are_written():
    answer = Answer(200, "OK", Headers((("X-Request-Id", "7"), ("Via", "a"), ("via", "b"))))
    assert answer.headers["x-request-id"] == answer.headers["X-REQUEST-ID"] == "7"
    assert answer.headers["Via"] == "a, b"
    assert sorted(answer.headers) == ["via", "x-request-id"]
    assert answer.headers.get("nowhere") is None
