"""The record is in PostgreSQL, and the server or the way to it goes away in the middle of an apply."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import LockHeldError, StateError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.postgres import PostgresStore
from tests.faults.scheduled import Meanwhile, Scheduled
from tests.faults.target import HOLDER, SERVED, Target
from tests.ports import free_port
from tests.postgres.fixtures import server_of_its_own, sql
from tests.postgres.network import Wire, wire
from tests.postgres.server import Server
from tests.waiting import until

CREATE_BLUE = "create deployment/credit/blue"
CREATED = ["create endpoint/credit", CREATE_BLUE]
OpenAt = Callable[[str], PostgresStore]


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[OpenAt]:
    """Opens stores of target `test` that look for a lost server for five seconds."""
    opened: list[PostgresStore] = []

    def open_store(url: str) -> PostgresStore:
        opened.append(PostgresStore(url, "test", tmp_path / "state.key", environ={}, reconnect_s=5))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def interrupted(store: PostgresStore, live: MemoryProvider, fault: Meanwhile, at: str = CREATE_BLUE) -> str:
    """An apply during which something happens to the server; gives what it is refused with."""
    provider = Scheduled(live, {at: [fault]})
    with pytest.raises(StateError) as told:
        Target(provider, store).apply(SERVED)
    assert told.value.exit_code == 1
    assert_every_effect_was_intended(store, provider)
    return str(told.value)


def assert_every_effect_was_intended(store: PostgresStore, provider: Scheduled) -> None:
    """No step had an effect that is not in the journal."""
    server_is_back(store)
    journalled = [
        f"{row.intent.action} {row.intent.address}" for run in store.runs() for row in store.operations(run.id)
    ]
    assert set(provider.effects) & set(CREATED) <= set(journalled)


def server_is_back(store: PostgresStore) -> None:
    def reads() -> bool:
        try:
            store.read()
        except StateError:
            return False
        return True

    until(reads)


def assert_goes_on(store: PostgresStore, live: MemoryProvider) -> None:
    """One more apply, without a hand, makes everything true and leaves nothing to do."""
    target = Target(live, store)

    def applied() -> bool:
        try:
            target.apply(SERVED)
        except LockHeldError:  # until the server knows that the other session is gone
            return False
        return True

    until(applied)
    target.assert_settled(SERVED)
    assert {str(item.address) for item in live.list()} == {"endpoint/credit", "deployment/credit/blue"}


@pytest.mark.parametrize("after", [False, True], ids=["before-the-effect", "after-the-effect"])
def test_f32_a_server_that_is_killed_and_restarted_in_mid_apply_loses_nothing(
    own_postgres: Server, open_at: OpenAt, after: bool
) -> None:
    def crash() -> None:
        own_postgres.kill()
        own_postgres.start()

    store, live = open_at(own_postgres.url()), MemoryProvider()
    said = interrupted(store, live, Meanwhile(crash, after=after))
    assert "target test: the lock of this run was broken or taken over, or lost with its connection" in said
    assert [str(address) for address in store.read().entries] == ["endpoint/credit"]
    assert [str(intent.address) for intent in store.unfinished()] == ["deployment/credit/blue"]
    assert_goes_on(open_at(own_postgres.url()), live)


def test_f32_a_server_that_stays_away_ends_the_run_in_bounded_time(own_postgres: Server, open_at: OpenAt) -> None:
    store, live = open_at(own_postgres.url()), MemoryProvider()
    provider = Scheduled(live, {CREATE_BLUE: [Meanwhile(own_postgres.kill)]})
    with pytest.raises(StateError, match=r"^postgresql://mlops@127\.0\.0\.1:\d+/postgres: .*; check that the server"):
        Target(provider, store).apply(SERVED)
    own_postgres.start()
    assert_every_effect_was_intended(store, provider)
    assert_goes_on(store, live)


class Relay:
    """Stands before the server, and loses its answer to one message, and with it the connection."""

    def __init__(self, server: Server) -> None:
        self.port, self._server = free_port(), server
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.lose_answer_to = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server.port))
            self._pairs.append((client, server))
            lost = threading.Event()
            threading.Thread(target=self._forth, args=(client, server, lost), daemon=True).start()
            threading.Thread(target=self._back, args=(client, server, lost), daemon=True).start()

    def _forth(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        while data := _received(client):
            if self.lose_answer_to and self.lose_answer_to in data:
                self.lose_answer_to = b""
                lost.set()
            if not _sent(server, data):
                break
        _shut(server)

    def _back(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        while data := _received(server):
            if lost.is_set():
                break  # the server has done what it was told, and nobody hears of it
            if not _sent(client, data):
                break
        _shut(client)
        _shut(server)

    def close(self) -> None:
        _shut(self._listening)
        self._listening.close()
        for pair in self._pairs:
            for end in pair:
                _shut(end)
                end.close()


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _sent(end: socket.socket, data: bytes) -> bool:
    try:
        end.sendall(data)
    except OSError:  # that end has gone meanwhile, as either may
        return False
    return True


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.fixture
def relay(own_postgres: Server) -> Iterator[Relay]:
    made = Relay(own_postgres)
    yield made
    made.close()


def test_f32_a_commit_whose_answer_was_lost_is_found_and_the_run_goes_on(
    own_postgres: Server, relay: Relay, open_at: OpenAt
) -> None:
    """Only the session of reading and writing is lost; the one of the lock is not, so the run is still the only one."""
    store, live = open_at(own_postgres.url().replace(str(own_postgres.port), str(relay.port))), MemoryProvider()

    server = store._database
    changed = server._changed

    def lose_the_answer_to_the_commit_of_the_next_change() -> None:
        def armed(*arguments: Any) -> Any:
            answer, server._changed = changed(*arguments), changed
            relay.lose_answer_to = b"COMMIT"
            return answer

        server._changed = armed

    outcomes = Target(
        Scheduled(live, {CREATE_BLUE: [Meanwhile(lose_the_answer_to_the_commit_of_the_next_change)]}), store
    ).apply(SERVED)
    assert relay.lose_answer_to == b""
    assert all(outcome.message == "" for outcome in outcomes)
    Target(live, store).assert_settled(SERVED)
    # Had the commit been taken for lost, ending the operation once more would have been refused.
    (run,) = store.runs()
    assert [(row.outcome, str(row.intent.address)) for row in store.operations(run.id)] == [
        ("succeeded", "endpoint/credit"),
        ("succeeded", "deployment/credit/blue"),
        ("succeeded", "endpoint/credit"),
    ]


def test_f32_a_change_whose_session_was_ended_before_its_commit_is_made_again(
    own_postgres: Server, open_at: OpenAt
) -> None:
    store, live = open_at(own_postgres.url()), MemoryProvider()

    def end_the_session_of_writing() -> None:
        backend = store._database._session.backend
        assert sql(own_postgres.url(), f"SELECT pg_terminate_backend({backend}, 5000)") == [(True,)]

    Target(Scheduled(live, {CREATE_BLUE: [Meanwhile(end_the_session_of_writing)]}), store).apply(SERVED)
    Target(live, store).assert_settled(SERVED)


def test_f30_a_run_whose_lock_session_was_lost_writes_no_more(own_postgres: Server, open_at: OpenAt) -> None:
    store, live = open_at(own_postgres.url()), MemoryProvider()

    def end_the_session_of_the_lock() -> None:
        ((backend,),) = sql(own_postgres.url(), "SELECT backend FROM mlops.locks")
        assert sql(own_postgres.url(), f"SELECT pg_terminate_backend({backend}, 5000)") == [(True,)]

    said = interrupted(store, live, Meanwhile(end_the_session_of_the_lock))
    assert "target test: the lock of this run was broken or taken over, or lost with its connection" in said
    assert_goes_on(open_at(own_postgres.url()), live)


@pytest.mark.parametrize("hours", [1, -1])
def test_f33_a_clock_that_jumps_in_mid_apply_costs_no_lock_and_no_time(
    postgres_url: str, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    store, live, began = open_at(f"{postgres_url}&lease=4"), MemoryProvider(), datetime.now(UTC)

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=hours)

    def jump() -> None:
        monkeypatch.setattr("reconciler.record.stamps.datetime", Jumped)
        monkeypatch.setattr("time.time", lambda: datetime.now(UTC).timestamp() + 3600 * hours)
        # For longer than the lease nobody gets in, whose clock is right.
        with pytest.raises(LockHeldError), open_at(postgres_url).lock(HOLDER, timeout_s=6):
            pass

    outcomes = Target(Scheduled(live, {CREATE_BLUE: [Meanwhile(jump)]}), store).apply(SERVED)
    assert [str(outcome.result) for outcome in outcomes] == ["succeeded"] * 3
    assert all(outcome.seconds >= 0 for outcome in outcomes)
    recorded = datetime.fromisoformat(store.runs()[0].finished)
    assert timedelta(minutes=-30) < recorded - began - timedelta(hours=hours) < timedelta(minutes=30)
    Target(live, store).assert_settled(SERVED)


@pytest.fixture
def remote() -> Iterator[tuple[Wire, str]]:
    """A server in a network of its own, and the URL by which it is found there."""
    with wire() as made, server_of_its_own(listen=made.host, inside=made.inside) as server:
        yield made, f"{server.url(host=made.host)}?lease=2&tcp_user_timeout=3000&connect_timeout=3"


@pytest.mark.parametrize("after", [False, True], ids=["before-the-effect", "after-the-effect"])
def test_f31_a_network_that_is_lost_in_mid_apply_ends_the_run_and_loses_nothing(
    remote: tuple[Wire, str], open_at: OpenAt, after: bool
) -> None:
    cable, url = remote
    store, live = open_at(url), MemoryProvider()
    provider = Scheduled(live, {CREATE_BLUE: [Meanwhile(cable.cut, after=after)]})
    try:
        with pytest.raises(StateError, match=r"^postgresql://mlops@10\.213\.\d+\.2:\d+/postgres: .*; check that the"):
            Target(provider, store).apply(SERVED)
    finally:
        cable.mend()
    assert_every_effect_was_intended(store, provider)
    assert [str(intent.address) for intent in store.unfinished()] == ["deployment/credit/blue"]
    assert_goes_on(open_at(url), live)


def test_f31_a_network_that_comes_back_within_the_lease_goes_unnoticed(
    remote: tuple[Wire, str], open_at: OpenAt
) -> None:
    cable, url = remote
    live = MemoryProvider()

    def blink() -> None:
        cable.cut()
        cable.mend()

    store = open_at(url.replace("lease=2", "lease=60"))
    Target(Scheduled(live, {CREATE_BLUE: [Meanwhile(blink)]}), store).apply(SERVED)
    Target(live, store).assert_settled(SERVED)


def test_f31_a_holder_that_cannot_be_reached_loses_the_lock_by_its_lease(
    remote: tuple[Wire, str], open_at: OpenAt
) -> None:
    cable, url = remote
    store = open_at(url)
    with store.lock(HOLDER, timeout_s=0):
        cable.cut()
        try:
            until(lambda: asked_inside(cable, url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0")
        finally:
            cable.mend()
        server_is_back(store)
        with open_at(url).lock(HOLDER, timeout_s=0), pytest.raises(StateError, match="lost with its connection"):
            store.adopt("another")


def asked_inside(cable: Wire, url: str, query: str) -> str:
    """What the server says to somebody on its own side of the wire."""
    script = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])"
    argv = (*cable.inside, sys.executable, "-W", "ignore", "-c", script, url.partition("?")[0], query)
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
