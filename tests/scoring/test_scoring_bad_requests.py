"""Bad requests that come to the scoring server with no gateway before it: it answers or hangs up, and serves on."""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bad_requests import CHUNKED, NO_REQUESTS
from tests.raw_http import Told, ask, connected, request
from tests.waiting import until

LIMIT = 100_000
INPUT = b"a-customer-named-3f1b"
SEED = 20_240_229
# The path of the query says as what the body is read.
SCRIPT = """
from azureml_inference_server_http.api.aml_request import rawhttp
@rawhttp
def run(request):
    how = request.args.get("as", "json")
    if how == "form":
        return [request.form.to_dict(flat=False), sorted(request.files)]
    if how == "cookies":
        return request.cookies
    if how == "text":
        print("asked")
        return request.get_data(as_text=True)
    return request.get_json(force=True)
"""


@pytest.fixture(scope="module")
def server(start_shared):
    limits = {"MLOPS_MAX_BODY_BYTES": str(LIMIT), "MLOPS_MAX_CONCURRENT_REQUESTS": "4"}
    return start_shared(SCRIPT, **limits).until_healthy()


def asked(server, *lines: str, **spec: Any) -> Told:
    return ask(str(server.socket), request(lines=lines, **spec))


def serves(server) -> bool:
    return asked(server, body=b"[1]").body == b"[1]"


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_refused_and_the_next_one_is_answered(server, sent: bytes):
    assert ask(str(server.socket), sent).status == 400
    assert serves(server)


@pytest.mark.parametrize(
    ("lines", "spec", "status"),
    [
        ([], {"body": b"1" * (LIMIT + 1)}, 413),
        ([], {"body": b"1" * 10 * LIMIT}, 413),
        ([CHUNKED], {"body": b"%x\r\n%s\r\n0\r\n\r\n" % (LIMIT + 1, b"1" * (LIMIT + 1)), "length": False}, 413),
        ([f"x-request-id: {'i' * 101}"], {}, 431),
        ([], {"method": "PUT"}, 405),
        ([], {"method": "TRACE"}, 405),
        ([], {"method": "OPTIONS", "path": "*"}, 404),
        ([], {"path": "/../etc/passwd"}, 404),
        ([], {"path": "/%2e%2e/etc/passwd"}, 404),
        ([], {"path": "/score%00"}, 404),
        ([], {"path": "/score/%ff%fe"}, 404),
        ([], {"path": f"/{'a' * 60_000}"}, 404),
        ([f"x-a: {'b' * 60_000}"], {"body": b"1"}, 200),
        ([f"x-{number}: b" for number in range(1000)], {"body": b"1"}, 200),
        (["content-type: image/png", "content-type: text/html"], {"body": b"1"}, 200),
    ],
    ids=str.__call__,
)
def test_what_is_wrong_with_a_request_is_told_by_its_code(server, lines: Sequence[str], spec: dict, status: int):
    assert asked(server, *lines, **spec).status == status
    assert serves(server)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\0",
        b"[" * LIMIT,
        b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
        b'{"a":' * (LIMIT // 5),
        b"1" * LIMIT,
        b"'a'",
        b"[1,]",
        b'"\\ud8"',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_is_the_clients_error(server, body: bytes):
    told = asked(server, body=body)
    assert told.status == 400
    assert told.json["message"].startswith("The body could not be decoded as JSON: ")
    assert serves(server)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"1e999", b"Infinity"),
        (b"NaN", b"NaN"),
        (b'"\\ud800"', b'"\\ud800"'),
        (b'{"a": 1, "a": 2}', b'{"a": 2}'),
        (b'{"__proto__": {"a": 1}}', b'{"__proto__": {"a": 1}}'),
    ],
)
def test_a_body_that_is_odd_json_is_what_python_makes_of_it(server, body: bytes, answer: bytes):
    assert asked(server, body=body).body == answer


def test_a_path_that_is_deeply_nested_json_is_text(start):
    server = start("def run(data):\n    return data\n").until_healthy()
    told = ask(str(server.socket), request(method="GET", path=f"/score?a={'[' * 5000}", body=b"", length=False))
    assert json.loads(told.json) == {"a": "[" * 5000}


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xe4", "a/b; c=d; " * 900],
)
def test_a_form_that_is_none_is_read_as_an_empty_one(server, content_type: str):
    body = b"--\r\n\r\n--x\r\ncontent-disposition: form-data; name\r\n\r\n" * 100
    assert asked(server, f"content-type: {content_type}", path="/score?as=form", body=body).json == [{}, []]


def test_cookies_that_are_none_are_read_as_none(server):
    assert asked(server, "cookie: =;;=\xe4;a b;" + "x" * 5000, path="/score?as=cookies").status == 200


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=2000))
def test_any_bytes_are_scored_or_refused(server, body: bytes):
    assert asked(server, body=body).status in (200, 400)
    assert asked(server, path="/score?as=text", body=body).status == 200


@settings(max_examples=60, deadline=None)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=30,
    )
)
def test_any_json_comes_to_run_as_it_was_sent(server, value: Any):
    assert asked(server, body=json.dumps([value]).encode()).json == [value]


@settings(max_examples=60, deadline=None)
@given(
    header=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=300),
    query=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=300),
)
def test_any_header_and_any_query_are_answered(server, header: str, query: str):
    told = asked(server, f"x-any: {header}", f"content-type: {header}", path=f"/score?as=text&{query}", body=b"a")
    assert told.status == 200


def test_random_bytes_in_place_of_requests_are_refused(server):
    chance = random.Random(SEED)
    for _ in range(100):
        sent = chance.randbytes(chance.randrange(1, 5000))
        assert ask(str(server.socket), sent + b"\r\n\r\n").status == 400, sent
    assert serves(server)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /score HT",
        request(lines=["content-length: 500"], length=False),
        request(lines=[CHUNKED], length=False, body=b"64\r\n[[["),
        request(body=b"[1]"),
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk", "all"],
)
def test_clients_that_break_off_leave_nothing(server, sent: bytes, reset: bool):
    before = server.process.num_fds(), server.process.num_threads()
    for _ in range(50):
        with connected(str(server.socket)) as client:
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(sent)
    assert serves(server)
    until(lambda: (server.process.num_fds(), server.process.num_threads()) <= before)


def test_clients_that_wait_for_ever_are_in_nobodys_way(server):
    parts = [b"", b"POST /score HTTP/1.1\r\nx-a: ", request(lines=["content-length: 500"], length=False, body=b"[")]
    before = server.process.num_fds()
    with ExitStack() as stack:
        for number in range(300):
            stack.enter_context(connected(str(server.socket))).sendall(parts[number % 3])
        until(lambda: server.process.num_fds() >= before + 300)
        assert serves(server)
    until(lambda: server.process.num_fds() <= before)


def test_large_requests_leave_no_memory_behind(server):
    def large() -> None:
        for body in (b"1" * LIMIT, b"[" * LIMIT, b'"' + b"x" * (LIMIT - 2) + b'"', b"1" * 10 * LIMIT):
            asked(server, f"x-a: {'b' * 60_000}", body=body)

    for _ in range(20):
        large()
    before = server.process.memory_info().rss
    for _ in range(100):
        large()
    assert server.process.memory_info().rss - before < 20e6


def test_an_id_that_would_move_a_terminals_cursor_or_end_a_line_is_logged_without_that(server):
    told = asked(server, "x-request-id: id\x9b2J\x85forged\t\xe4", path="/score?as=text", body=b"a")
    assert "x-request-id: id\x9b2J\x85forged\t\xe4" in told.head
    assert "[id?2J?forged?ä] asked\n" in server.output


def test_no_log_has_what_a_model_was_asked(server):
    for sent in NO_REQUESTS.values():
        ask(str(server.socket), sent.replace(b"{}", INPUT))
    for body in (b"[" + INPUT, b'"' + INPUT + b'"', b"[" * 5000 + INPUT, INPUT * (LIMIT // 10)):
        asked(server, f"x-b: {INPUT.decode()}", path=f"/score?q={INPUT.decode()}", body=body)
    assert serves(server)
    assert INPUT.decode() not in server.output + server.errors
