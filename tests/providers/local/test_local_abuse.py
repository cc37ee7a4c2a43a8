"""Clients that are slow, that break off, that never read, or that are many: others are served, and nothing is left."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from abused import Target, letters, new_world, serving

from tests.bad_requests import ALL, LIMIT, SCORE
from tests.constant_load import Load
from tests.raw_http import Told, connected, read_answer, request
from tests.waiting import until

PIECE_S = 0.3


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Target]:
    """With a gateway that waits three seconds for a request to come to its end."""
    world = new_world(tmp_path_factory.mktemp("abuse"), environments, max_request_seconds=3)
    try:
        yield serving(world)
    finally:
        world.end()


@pytest.fixture(autouse=True)
def _nothing_is_left(target: Target) -> Iterator[None]:
    """Of no test do connections, files or threads stay, and after each a good request is answered."""
    assert target.serves()
    until(target.is_quiet)
    before = target.holds()
    yield
    assert target.serves()
    until(target.is_quiet)
    until(lambda: target.holds_no_more_than(before))


def head(target: Target, *lines: str, length: int = 0) -> bytes:
    said = [f"authorization: Bearer {target.key}", *lines, *([f"content-length: {length}"] if length else [])]
    return request(path=SCORE, lines=said, body=b"", length=False)


def slowly(target: Target, begin: bytes, piece: bytes) -> Told:
    """Send one piece after the other until the gateway has had enough."""
    with connected(target.server) as client:
        over = threading.Event()

        def send() -> None:
            with suppress(OSError):
                client.sendall(begin)
                while not over.wait(PIECE_S):
                    client.sendall(piece)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            return read_answer(client)
        finally:
            over.set()
            sender.join()


SLOW: dict[str, Callable[[Target], tuple[bytes, bytes]]] = {
    "head, a letter at a time": lambda _target: (b"POST ", b"x"),
    "head, a header at a time": lambda target: (head(target)[:-2], b"x-a: b\r\n"),
    "body, a byte at a time": lambda target: (head(target, length=LIMIT), b"1"),
    "body, a chunk at a time": lambda target: (head(target, "transfer-encoding: chunked"), b"1\r\n1\r\n"),
    "lines of nothing": lambda _target: (b"", b"\r\n"),
}


def test_a_request_that_comes_too_slowly_is_answered_408_while_others_are_served(target: Target):
    with ThreadPoolExecutor(20) as clients:
        ways = list(SLOW.values()) * 4
        told = [clients.submit(slowly, target, *way(target)) for way in ways]
        while not all(each.done() for each in told):
            assert target.serves()
        assert [(each.result().status, each.result().code) for each in told] == [(408, "RequestTimeout")] * len(ways)


def broken_off(target: Target, sent: bytes, *, reset: bool) -> None:
    client = connected(target.server)
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(sent)
    client.close()


BROKEN: dict[str, Callable[[Target], bytes]] = {
    "nothing": lambda _target: b"",
    "half a head": lambda target: head(target)[:-10],
    "a body shorter than it says": lambda target: head(target, length=500) + b"[" * 100,
    "half a chunk": lambda target: head(target, "transfer-encoding: chunked") + b"64\r\n[[[",
    "chunks without their end": lambda target: head(target, "transfer-encoding: chunked") + b"3\r\n[1]\r\n",
    "all, and waits for no answer": lambda target: target.good(),
}


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("part", BROKEN.values(), ids=BROKEN)
def test_requests_that_break_off_leave_nothing(target: Target, part: Callable[[Target], bytes], reset: bool):
    for _ in range(30):
        broken_off(target, part(target), reset=reset)


def test_a_body_that_breaks_off_is_scored_by_no_model(target: Target):
    before = target.scored()
    for name in ("a body shorter than it says", "half a chunk", "chunks without their end"):
        broken_off(target, BROKEN[name](target), reset=False)
    until(target.is_quiet)
    assert target.scored() == before


def test_clients_that_never_read_their_answers_are_left_after_the_deployments_time_out(target: Target):
    with ExitStack() as stack:
        for _ in range(10):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(target.server)
            stack.enter_context(client).sendall(target.good(letters(3_000_000)))
        until(lambda: target.under_way()["cluster.credit/blue.upstream_rq_active"])
        assert target.serves()
        until(lambda: not target.under_way()["cluster.credit/blue.upstream_rq_active"])


def test_five_hundred_connections_that_ask_nothing_are_in_nobodys_way(target: Target):
    with ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(connected(target.server))
        until(lambda: target.under_way()["http.gateway.downstream_cx_active"] == 500)
        assert target.serves()


def test_good_requests_are_answered_while_all_kinds_of_bad_ones_come_at_once(target: Target):
    uri = f"http://{target.server[0]}:{target.server[1]}{SCORE}"
    with Load(uri, target.key) as load, ThreadPoolExecutor(4) as clients:
        for _ in range(2):
            told = list(clients.map(target.told, ALL.values()))
            assert [(each.status, each.code) for each in told] == [(bad.status, bad.word) for bad in ALL.values()]
            list(clients.map(lambda part: broken_off(target, part(target), reset=True), BROKEN.values()))
        load.go_on(10)
    assert load.lost == []


def test_what_a_slow_client_holds_does_not_grow(target: Target):
    before = target.memory_mb()
    with ExitStack() as stack:
        for _ in range(50):
            client = stack.enter_context(connected(target.server))
            client.sendall(head(target, length=LIMIT) + b"1" * (LIMIT - 1))
        assert target.serves()
        assert [now - then < 30 for now, then in zip(target.memory_mb(), before, strict=True)] == [True, True]
