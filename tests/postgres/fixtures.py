"""A real PostgreSQL server, and a schema of it for each test.

`MLOPS_TEST_POSTGRES` is the URL of a superuser of a server; without it one is started for the tests of a process.
Where that cannot be, tests that need one are skipped by name, or fail where `MLOPS_REQUIRE=postgres` is set, as
`.ci/run` does.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.engine.fixtures import lacking
from tests.ports import free_port
from tests.postgres import server
from tests.postgres.server import Server


@contextmanager
def server_of_its_own(*, listen: str = "127.0.0.1", inside: tuple[str, ...] = ()) -> Iterator[Server]:
    """A server that runs, for tests that end it or cut it off."""
    if why := server.obstacle():
        lacking(why, "postgres")
    # Not of pytest's own folders, whose paths are too long for that of a socket.
    folder = Path(tempfile.mkdtemp(prefix="mlops-postgres-", dir="/tmp"))
    made = Server(folder, free_port(), listen=listen, inside=inside)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a superuser of a real server."""
    if given := os.environ.get("MLOPS_TEST_POSTGRES"):
        yield given
        return
    with server_of_its_own() as made:
        yield made.url()


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """A place for a record of the test's own; whatever is in it is removed afterwards."""
    schema = f"t_{secrets.token_hex(6)}"
    yield f"{postgres}?schema={schema}"
    sql(postgres, f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server of the test's own."""
    with server_of_its_own() as made:
        yield made


def sql(url: str, *statements: str) -> list[tuple[object, ...]]:
    """What somebody with psql does behind our back; gives the rows of the last statement."""
    import psycopg  # noqa: PLC0415 - most tests do without

    base, _, schema = url.partition("?schema=")
    with psycopg.connect(base, autocommit=True) as connection:
        if schema:
            connection.execute(f"SET search_path TO {schema}")
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
