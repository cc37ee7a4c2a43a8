"""The password of a record's URL, and every sink of a life of it searched for that: a run that holds it, errors too."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from canaries import command_lines_showing, files_showing, found_in, variables_showing
from command_line import PATIENCE_S, Repository
from telltale import plugged
from test_cli_canaries import GIVEN, Told, environment

from tests.ports import free_port
from tests.postgres.fixtures import sql

# With characters that a URL writes otherwise; a part of it, too, is told to nobody.
PART = "zebra-canary-5b1e"
PASSWORD = f'p@ss/w%rd:+"é" {PART}'
WRITTEN = quote(PASSWORD, safe="")


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    """A place of a user whose password it is."""
    role = f"t_{secrets.token_hex(6)}"
    sql(postgres, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'", f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    yield re.sub("//.*@", f"//{role}:{WRITTEN}@", postgres) + f"?schema={role}"
    sql(postgres, f"DROP SCHEMA {role} CASCADE", f"DROP ROLE {role}")


@pytest.fixture
def telling(repo: Repository, tmp_path: Path) -> Told:
    return Told(repo, "telltale", environment(tmp_path, **plugged(tmp_path / "plugin")))


def shown(text: object) -> bool:
    return PART in str(text) or bool(found_in(str(text).encode(), [PASSWORD]))


def state_at(target: Told, url: str, more: str = "") -> None:
    target.target(f", file: live.jsonl{more}, state: '{url}'")


def in_server(postgres: str, url: str) -> list[object]:
    """All rows of the record, and what the server tells of the sessions."""
    schema = url.partition("?schema=")[2]
    tables = [name for (name,) in sql(postgres, f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")]
    assert tables
    rows = [row for name in tables for row in sql(postgres, f'SELECT t::text FROM {schema}."{name}" t')]
    assert rows
    return [*rows, *sql(postgres, "SELECT a::text FROM pg_stat_activity a")]


def test_no_sink_of_a_life_of_a_record_shows_the_password_of_its_url(telling: Told, postgres: str, url: str):
    target, repo = telling, telling.repo
    state_at(target, url)
    target.run("plan", *GIVEN, "--out", "p.json", "--debug")
    target.run("apply", "--plan", "p.json", *GIVEN, "--debug")
    assert "No changes" in target.run("plan", *GIVEN)
    for words in (["status"], ["drift"], ["state", "list"], ["state", "verify"], ["state", "export", "r.json"]):
        target.run(*words, "--debug")
    target.run("show", "deployment/credit/blue", "-o", "json")
    target.run("state", "show", "deployment/credit/blue")
    assert [row for row in in_server(postgres, url) if shown(row)] == []
    target.run("destroy", "--auto-approve")
    assert not shown(target.printed)
    assert files_showing(repo.folder.parent, [PASSWORD]) == {"repo/mlops.yaml": [PASSWORD]}


def test_a_run_that_holds_the_record_tells_nobody_the_password_of_its_url(telling: Told, postgres: str, url: str):
    target, repo = telling, telling.repo
    state_at(target, url, ", tells: hang")
    with repo.started("apply", "--auto-approve", *GIVEN, **target.variables) as run:
        try:
            assert run.stdout
            while "told" not in (line := run.stdout.readline()):
                assert line, "the run ended before it hung"
                target.printed.append(line)
            held = target.run("apply", "--auto-approve", *GIVEN, "--debug", code=3)
            assert f"pid {run.pid}" in held
            assert [row for row in in_server(postgres, url) if shown(row)] == []
            assert command_lines_showing(repo.folder, [PASSWORD]) == []
            assert variables_showing(psutil.Process(run.pid), [PASSWORD]) == []
        finally:
            run.kill()
            target.printed += run.communicate(timeout=PATIENCE_S)
    state_at(target, url)
    target.run("apply", "--auto-approve", *GIVEN)
    assert not shown(target.printed)
    assert files_showing(repo.folder.parent, [PASSWORD]) == {"repo/mlops.yaml": [PASSWORD]}


@pytest.mark.parametrize("words", [["plan"], ["apply", "--auto-approve"], ["state", "verify"], ["plan", "--offline"]])
def test_no_error_of_a_record_shows_the_password_of_its_url(telling: Told, url: str, words: list[str]):
    wrong = {
        "password": url.replace(PART, f"{PART}x"),
        "port": re.sub(r"@127\.0\.0\.1:\d+", f"@127.0.0.1:{free_port()}", url),
        "port that is none": re.sub(r"@127\.0\.0\.1:\d+", "@127.0.0.1:abc", url),
        "database": url.replace("/postgres?", "/nowhere?"),
        "schema": url.replace("?schema=", "?schema=No Name"),
        "lease": f"{url}&lease=long",
        "option": f"{url}&colour=red",
        "signs": url.replace(WRITTEN, f"p@ss/w#{PART}"),
        "scheme": url.replace("postgresql:", "mysql:"),
        "no scheme": url.replace("postgresql://", "postgresql:"),
    }
    for place in wrong.values():
        state_at(telling, place)
        telling.run(*words, "--debug", code=4 if "--offline" in words else 1)
    assert [text for text in telling.printed if shown(text)] == []
