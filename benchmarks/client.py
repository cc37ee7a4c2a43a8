"""What the Python client adds to a request and to a start, beside http.client alone."""

import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from measuring import Bench, python
from table import Row, compared

from reconciler import Client

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[3]"
BODY, HEADERS = b'{"data": [[1, 2]]}', {"Content-Type": "application/json", "Authorization": "Bearer key"}
# Answers each request that comes in one piece, and no more, so that it is not what is measured.
SERVER = f"""
import socket
with socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    while True:
        connection, _ = listening.accept()
        with connection:
            while (came := connection.recv(65536)):
                if {BODY!r} in came:
                    connection.sendall({ANSWER!r})
"""


def client(bench: Bench) -> list[Row]:
    """A request by a client that keeps its connection, and what it takes to have one."""
    count, rounds = bench.runs(5_000, 1_000), bench.runs(7, 3)
    with answering() as port, Client(f"http://127.0.0.1:{port}/score", key="key") as ours:
        ours_us = [cpu_us(lambda: ours.invoke(BODY), count) for _ in range(rounds)]
    with answering() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def ask() -> None:
            connection.request("POST", "/score", BODY, HEADERS)
            connection.getresponse().read()

        peer_us = [cpu_us(ask, count) for _ in range(rounds)]
        connection.close()
    taken, peer = statistics.median(ours_us), statistics.median(peer_us)
    lightest, whole, bare = bench.in_turns(
        [
            python("from reconciler import Client", bench.folder),
            python("from reconciler import plan", bench.folder),
            python("import http.client", bench.folder),
        ],
        bench.runs(15, 5),
    )
    return [
        Row("client, a request", taken, "us CPU", peer=f"http.client: {peer:.0f}", ratio=taken / peer),
        compared("from reconciler import Client", lightest, ("import http.client", bare)),
        compared("from reconciler import plan", whole, ("import http.client", bare)),
    ]


@contextmanager
def answering() -> Iterator[int]:
    """A server in a process of its own, by its port."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield int(server.stdout.readline())
        finally:
            server.kill()


def cpu_us(call: Callable[[], object], count: int) -> float:
    """Microseconds of CPU of this process that a call takes."""
    begun = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - begun) / count * 1e6
