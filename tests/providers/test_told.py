"""How an instance is asked what it serves: each of its workers, for a time, and past answers of others."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator

import pytest

from reconciler.core.address import Address
from reconciler.core.state import Told
from reconciler.gateway.values import Backend
from reconciler.providers.hosting import served as asking
from reconciler.providers.hosting.objects import Object
from reconciler.providers.hosting.served import served_of, told
from reconciler.providers.hosting.serving import Ways

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def answer(worker=1, workers=1, loaded=DIGEST, now=DIGEST):
    return {"worker": worker, "workers": workers, "code": {"loaded": loaded, "now": now, "same": True}, "model": {}}


def asked(*answers, **options):
    """What is told where the last answer is given again and again, and how often it was asked."""
    left, count = list(answers), 0

    def ask(_address):
        nonlocal count
        count += 1
        return left.pop(0) if len(left) > 1 else left[0]

    return told("/s", ask=ask, sleep=lambda _s: None, **options), count


def test_one_worker_is_asked_once():
    assert asked(answer()) == ([{"code": Told(DIGEST, DIGEST, same=True)}], 1)


def test_a_worker_that_loaded_something_else_than_the_others_is_found():
    found, _ = asked(answer(1, 3), answer(1, 3), answer(2, 3), answer(3, 3, loaded=OTHER))
    assert found == [{"code": Told(DIGEST, DIGEST, same=True)}, {"code": Told(OTHER, DIGEST, same=True)}]


def test_a_worker_that_never_takes_a_connection_is_not_waited_for():
    found, count = asked(answer(1, 2))
    assert (len(found), count) == (1, 10)


def test_an_instance_that_claims_thousands_of_workers_is_not_asked_as_often():
    assert asked(answer(1, 100_000))[1] < 400


def test_a_worker_that_still_reads_its_model_is_waited_for():
    found, count = asked(answer(loaded="", now=""), answer(loaded="", now=""), answer())
    assert (found, count) == ([{"code": Told(DIGEST, DIGEST, same=True)}], 3)


def test_it_is_not_waited_for_longer_than_patience_lasts():
    times = iter(range(100))
    found, count = asked(answer(loaded="", now=""), patience_s=5, now=lambda: next(times))
    assert (found, count) == ([{"code": Told("", "", same=True)}], 5)


def test_a_server_that_knows_no_such_question_says_nothing():
    assert asked(None) == ((), 1)


@pytest.mark.parametrize("loaded", ["sha256:x", "\x1b[31m", "sha256:" + "a" * 65])
def test_what_is_no_digest_is_not_believed(loaded):
    with pytest.raises(ValueError, match="no digests"):
        asked(answer(loaded=loaded))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"worker": Infinity, "workers": 1, "model": {}}',
        b'{"worker": 1, "workers": 1e999, "model": {}}',
        b'{"worker": 1, "workers": 1, "model": {"m": 7}}',
        b"[]",
    ],
)
def test_whatever_an_instance_answers_it_is_told_of_that_instance_alone(body: bytes):
    with answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body) as place:
        assert whys(place) == ["its answer is not that of our server"]


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nx-", b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n"])
def test_an_instance_that_dawdles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, begin: bytes):
    """A byte every now and then, so that no silence lasts long enough."""
    monkeypatch.setattr(asking, "_WHOLE_S", 0.5)
    with answering(begin, dawdles=True) as place:
        (why,) = whys(place)
    assert why


def test_one_whose_every_answer_takes_long_is_not_asked_for_every_worker():
    hours = itertools.count(step=20)
    assert asked(answer(1, 32), now=lambda: next(hours))[1] < 5


def whys(place: str) -> list[str]:
    """Why an instance at a place does not say what it serves."""
    address = Address("deployment", "blue", endpoint="credit")
    item = Object(address, {}, "lineage", 1, "1", serving=("blue-1",))
    return [each.why for each in served_of([item], lambda _: {address: Ways((Backend("blue-1", place),))})]


@contextlib.contextmanager
def answering(data: bytes, *, dawdles: bool = False) -> Iterator[str]:
    """A server that gives every client the same, whatever it asks."""
    done = threading.Event()

    def give(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(65_536)
            client.sendall(data)
            while dawdles and not done.wait(0.1):
                client.sendall(b"x")

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=give, args=[listener.accept()[0]]).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
