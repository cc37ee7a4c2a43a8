"""HTTP/2 as an attacker writes it, frame by frame: the connection ends, and the gateway serves on."""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from abused import Target, new_world, serving

from tests.bad_requests import SCORE
from tests.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    begun,
    block,
    frame,
    frames,
    headers,
    settings_of,
)
from tests.raw_http import connected
from tests.waiting import until

Frames = list[tuple[int, int, int, bytes]]
CLOSED = (-1, 0, 0, b"")
_ENDS = (CLOSED[0], GOAWAY, RST_STREAM)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Target]:
    world = new_world(tmp_path_factory.mktemp("http2"), environments)
    try:
        yield serving(world)
    finally:
        world.end()


def fields(target: Target, *more: tuple[str, str], method: str = "POST", path: str = SCORE) -> list[tuple[str, str]]:
    told = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)]
    return [*told, ("authorization", f"Bearer {target.key}"), *more]


def sent(target: Target, *pieces: bytes, until_kind: tuple[int, ...]) -> Frames:
    """Send pieces, and read to the first frame of a kind or to the end of the connection, which must come."""
    found: Frames = []
    with connected(target.server) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(b"".join([begun(), *pieces]))
        for each in frames(client):
            found.append(each)
            if each[0] in until_kind:
                return found
    return [*found, CLOSED]


def scored(target: Target, *more: tuple[str, str], body: bytes = b"[1]", **where: str) -> Frames:
    """Ask for a score with further headers, and read to its end."""
    asked = headers(1, fields(target, *more, **where), END_HEADERS) + frame(DATA, END_STREAM, 1, body)
    return sent(target, asked, until_kind=(DATA, GOAWAY, RST_STREAM))


def refused(found: Frames) -> bool:
    """Whether it was not answered, or by a code of its own: one that no table has in one byte, as it has 200."""
    answers = [payload for kind, _, _, payload in found if kind == HEADERS]
    return bool(kinds(found) & set(_ENDS)) if not answers else not answers[0].startswith(b"\x88")


def kinds(found: Frames) -> set[int]:
    return {kind for kind, *_ in found}


def test_a_good_request_is_answered(target: Target):
    assert scored(target)[-1][3] == b"[1]"


def test_a_connection_is_told_how_much_it_may_have_under_way(target: Target):
    found = next(payload for kind, _, _, payload in sent(target, until_kind=(SETTINGS,)) if kind == SETTINGS)
    assert (settings_of(found)[3], settings_of(found)[4]) == (100, 65536)


@pytest.mark.parametrize(
    "more",
    [
        [("x-a", "b\r\nx-c: d")],
        [("x-a", "b\0c")],
        [("x-a\r\nx-c", "d")],
        [("X-A", "b")],
        [("transfer-encoding", "chunked")],
        [("connection", "keep-alive")],
        [("content-length", "2")],
        [("content-length", "30")],
        [("content-length", "3"), ("content-length", "30")],
        [(":path", "/other")],
        [(":method", "GET")],
        [(":unknown", "x")],
    ],
    ids=lambda more: " ".join(f"{name!r}={value!r}" for name, value in more),
)
def test_headers_that_could_become_another_request_come_to_no_model(target: Target, more: list[tuple[str, str]]):
    before = target.scored()
    assert refused(scored(target, *more))
    assert target.scored() == before
    assert target.serves()


@pytest.mark.parametrize(
    "where",
    [
        {"path": f"{SCORE} HTTP/1.1\r\nhost: x\r\n\r\nGET /other"},
        {"path": f"{SCORE}\0"},
        {"path": ""},
        {"path": "*"},
        {"method": "POST / HTTP/1.1\r\nx:"},
        {"method": ""},
        {"method": "CONNECT"},
    ],
    ids=repr,
)
def test_a_first_line_that_could_become_another_comes_to_no_model(target: Target, where: dict[str, str]):
    before = target.scored()
    assert refused(scored(target, **where))
    assert target.scored() == before
    assert target.serves()


def rapid_resets(target: Target) -> bytes:
    cancel = struct.pack(">I", 8)
    asked = block(fields(target))
    return b"".join(
        frame(HEADERS, END_HEADERS, stream, asked) + frame(RST_STREAM, 0, stream, cancel)
        for stream in range(1, 40_000, 2)
    )


def continuations(target: Target) -> bytes:
    more = block([("x-a", "b" * 8000)])
    return frame(HEADERS, 0, 1, block(fields(target))) + frame(CONTINUATION, 0, 1, more) * 200


def a_header_a_thousand_times_in_little(target: Target) -> bytes:
    """Put one long header into the table of the connection, then name it a thousand times by a byte each."""
    put = b"\x40" + block([("x-a", "b" * 3000)])[1:]
    return frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields(target)) + put + b"\xbe" * 1000)


FLOODS: dict[str, Callable[[Target], bytes]] = {
    "requests that are given up at once": rapid_resets,
    "headers without end": continuations,
    "headers out of little": a_header_a_thousand_times_in_little,
    "settings": lambda _target: frame(SETTINGS) * 20_000,
    "pings": lambda _target: frame(PING, payload=b"12345678") * 20_000,
    "bodies of nothing": lambda target: headers(1, fields(target), END_HEADERS) + frame(DATA, 0, 1, b"") * 20_000,
    "windows beyond all bounds": lambda _target: frame(WINDOW_UPDATE, payload=struct.pack(">I", 2**31 - 1)) * 3,
    "windows of nothing": lambda _target: frame(WINDOW_UPDATE, payload=struct.pack(">I", 0)),
    "a frame of 16 MB": lambda _target: frame(DATA, 0, 1, b"x" * (2**24 - 1)),
    "a body of no request": lambda _target: frame(DATA, 0, 99, b"x"),
    "a request by a server's number": lambda target: headers(2, fields(target)),
    "headers that are none": lambda _target: frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff" * 100),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_its_connection_and_no_other(target: Target, flood: Callable[[Target], bytes]):
    until(target.is_quiet)
    before = target.holds()
    for _ in range(3):
        assert kinds(sent(target, flood(target), until_kind=_ENDS)) & set(_ENDS)
        assert target.serves()
    until(target.is_quiet)
    until(lambda: target.holds_no_more_than(before))


def test_of_a_thousand_requests_at_once_a_hundred_are_taken_and_others_are_served(target: Target):
    unended = b"".join(headers(stream, fields(target), END_HEADERS) for stream in range(1, 2001, 2))
    with connected(target.server) as client:
        client.sendall(begun() + unended)
        refused = 0
        for kind, _, _, payload in frames(client):
            refused += kind == RST_STREAM and payload == struct.pack(">I", 7)
            if refused >= 900 or kind == GOAWAY:
                break
        assert refused == 900 or kind == GOAWAY
        assert target.serves() or ask_again(target)
    until(target.is_quiet)


def ask_again(target: Target) -> bool:
    return bool(until(target.serves))
