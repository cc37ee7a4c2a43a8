"""What is taken for an answer on a unix socket, and what is not."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.gateway.asking import BrokenAnswerError, asked

Answering = Callable[[bytes], Path]


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    """Makes somebody who answers one request with some bytes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.settimeout(20)
        place = tmp_path / "socket"
        listening.bind(str(place))
        listening.listen()

        def answer(what: bytes) -> None:
            line, _ = listening.accept()
            with line:
                line.recv(4096)
                line.sendall(what)

        threads: list[threading.Thread] = []

        def make(what: bytes) -> Path:
            threads.append(threading.Thread(target=answer, args=(what,)))
            threads[-1].start()
            return place

        yield make
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", (200, b"{}")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n3;x=y\r\n[1]\r\n0\r\n\r\n", (200, b"{}[1]")),
        (b"HTTP/1.0 404 Not Found\r\n\r\nno such thing", (404, b"no such thing")),
        (b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", (503, b"")),
    ],
)
def test_an_answer_is_read_whole(answering: Answering, answer: bytes, found: tuple[int, bytes]) -> None:
    assert asked(answering(answer), "GET", "/", timeout_s=20) == found


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
    ],
)
def test_what_is_cut_off_or_something_else_is_no_answer(answering: Answering, answer: bytes) -> None:
    with pytest.raises(BrokenAnswerError):
        asked(answering(answer), "GET", "/", timeout_s=20)


def test_where_nobody_listens_the_system_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asked(tmp_path / "nobody", "GET", "/", timeout_s=20)
