"""Connections to a port that two share go to the second one, and none is lost when the first stops to listen."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.gateway import steering
from reconciler.gateway.steering import steer_to_second

HOST = "127.0.0.1"
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets us choose")


class Listener:
    """Takes connections, counts them, and hangs up."""

    def __init__(self, port: int = 0) -> None:
        self.taken = 0
        self._over = threading.Event()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((HOST, port))
        self.socket.listen(200)
        self.socket.settimeout(0.02)
        self.port = int(self.socket.getsockname()[1])
        self._thread = threading.Thread(target=self._take)

    def start(self) -> None:
        self._thread.start()

    def _take(self) -> None:
        while not self._over.is_set():
            try:
                taken, _ = self.socket.accept()
            except TimeoutError:
                continue
            self.taken += 1
            taken.close()

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self.socket.close()


@contextmanager
def two() -> Iterator[tuple[Listener, Listener]]:
    first = Listener()
    second = Listener(first.port)
    try:
        yield first, second
    finally:
        first.close()
        second.close()


def connect(port: int, times: int) -> None:
    for _ in range(times):
        with socket.create_connection((HOST, port), timeout=10) as client:
            assert client.recv(1) == b""


def test_connections_are_dealt_out_to_both_before_and_to_the_second_alone_after():
    with two() as (first, second):
        first.start()
        second.start()
        connect(first.port, 40)
        assert first.taken
        assert second.taken
        steer_to_second(HOST, first.port)
        before = first.taken
        connect(first.port, 40)
        assert first.taken == before


def test_what_was_given_to_the_first_before_is_waited_for():
    with two() as (first, second):
        clients = [socket.create_connection((HOST, first.port), timeout=10) for _ in range(20)]
        second.start()
        first.start()
        steer_to_second(HOST, first.port)
        first.close()
        assert [client.recv(1) for client in clients] == [b""] * 20
        for client in clients:
            client.close()


def test_where_only_root_may_filter_connections_go_to_the_second_all_the_same(monkeypatch):
    refused = []

    def attach(listener: socket.socket, option: int, *, answer: int) -> None:
        if option == steering._ATTACH_FILTER:
            refused.append(option)
            raise PermissionError
        attached(listener, option, answer=answer)

    attached = steering._attach
    monkeypatch.setattr(steering, "_attach", attach)
    with two() as (first, second):
        first.start()
        second.start()
        steer_to_second(HOST, first.port)
        connect(first.port, 40)
        assert (len(refused), first.taken, second.taken) == (1, 0, 40)


def test_whoever_is_left_alone_gets_all():
    with two() as (first, second):
        first.start()
        second.start()
        steer_to_second(HOST, first.port)
        first.close()
        connect(second.port, 20)
        assert second.taken == 20
