"""The lead of a record: one has it, the next one gets it when that one lets go or is gone."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.record.leading import Leadership
from reconciler.record.opening import open_store
from tests.postgres.fixtures import sql
from tests.postgres.server import Server

ADA = {"id": "1", "user": "ada", "host": "desk", "pid": 7, "command": "mlops watch", "started": "2026-06-01T12:00:00"}


@pytest.fixture(params=["file", "postgres"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    place = str(tmp_path / "state.db") if request.param == "file" else request.getfixturevalue("postgres_url")
    with closing(open_store(place, root=tmp_path, target="dev")):
        yield place


def lead(location: str, tmp_path: Path, target: str = "dev") -> Leadership:
    return Leadership(location, root=tmp_path, target=target)


def test_one_leads_and_the_other_is_told_who_until_it_lets_go(location: str, tmp_path: Path):
    first, second = lead(location, tmp_path), lead(location, tmp_path)
    try:
        assert [first.take(ADA), first.take(ADA)] == ["", ""]
        assert second.take(ADA).startswith("ada@desk (pid 7, mlops watch)")
        first.close()
        assert second.take(ADA) == ""
        assert first.take(ADA) != ""
    finally:
        first.close()
        second.close()


def test_each_target_has_a_lead_of_its_own_and_the_run_lock_is_another_one(location: str, tmp_path: Path):
    first, second = lead(location, tmp_path), lead(location, tmp_path, "prod")
    try:
        assert first.take(ADA) == second.take(ADA) == ""
        with closing(open_store(location, root=tmp_path, target="dev")) as store, store.lock(ADA, timeout_s=0):
            assert first.take(ADA) == ""
    finally:
        first.close()
        second.close()


def test_a_session_that_the_server_ended_leads_no_more(postgres: str, postgres_url: str, tmp_path: Path):
    with closing(open_store(postgres_url, root=tmp_path, target="dev")):
        first, second = lead(postgres_url, tmp_path), lead(postgres_url, tmp_path)
        try:
            assert first.take(ADA) == ""
            held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            sql(postgres, f"SELECT pg_terminate_backend(pid, 5000) FROM ({held}) AS holding")
            assert second.take(ADA) == ""
            assert first.take(ADA) != ""
        finally:
            first.close()
            second.close()


def test_while_the_server_is_away_nobody_is_said_to_lead(own_postgres: Server, tmp_path: Path):
    url = own_postgres.url()
    with closing(open_store(url, root=tmp_path, target="dev")):
        first = lead(url, tmp_path)
        try:
            assert first.take(ADA) == ""
            own_postgres.kill()
            with pytest.raises(StateError):
                first.take(ADA)
            own_postgres.start()
            assert first.take(ADA) == ""
        finally:
            first.close()
