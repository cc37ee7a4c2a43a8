"""A store elsewhere over real HTTP: killed, cut off, busy, lied to, and whole in the end."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from depots import content, machine

from reconciler.errors import ProviderError, TransientError
from reconciler.load.disk.digest import content_digest
from reconciler.record.assets import AssetStore
from reconciler.record.depot import AT_ONCE
from reconciler.record.remote_files import RemoteFiles
from tests.object_store import BUCKET, Line, line_to, object_store, opened_by
from tests.waiting import until

# Keeps a model as a step does, in a process that can be killed.
KEEP = """
import sys
from pathlib import Path
from depots import content, machine
from reconciler.record.remote_files import RemoteFiles
planned = content(Path(sys.argv[2]))
machine(Path(sys.argv[1]), RemoteFiles(sys.argv[3]), planned).path(planned.digest)
"""
PARTS = 24


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with object_store(tmp_path_factory.mktemp("s3")) as port:
        yield port


@pytest.fixture
def line(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    with line_to(server) as line:
        for name, value in opened_by(line.port).items():
            monkeypatch.setenv(name, value)
        yield line


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A place of the test's own in the bucket."""
    return f"s3://{BUCKET}/{os.urandom(4).hex()}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Of so many parts."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(os.urandom(1000 * (PARTS - 1)))
    (tmp_path / "model" / "names.txt").write_text("a b c\n")
    return tmp_path / "model"


def stored(folder: Path, url: str, *models: Path) -> AssetStore:
    return machine(folder, RemoteFiles(url), *map(content, models))


def test_what_one_machine_keeps_another_one_has(tmp_path: Path, line: Line, url: str, model: Path) -> None:
    digest = content_digest(model)
    stored(tmp_path / "first", url, model).path(digest)
    assert len(line.put()) == PARTS
    assert content_digest(stored(tmp_path / "second", url).path(digest)) == digest
    stored(tmp_path / "third", url, model).path(digest)
    assert len(line.put()) == PARTS


def test_an_upload_that_is_killed_goes_on_behind_the_parts_that_are_there(
    tmp_path: Path, line: Line, url: str, model: Path
) -> None:
    killed_at, go_on = 9, threading.Event()

    def hold(method: str, _path: str, body: bytes, count: int) -> bytes:
        if method == "PUT" and count >= killed_at:
            go_on.wait(120)
        return body

    line.meet = hold
    words = [sys.executable, "-c", KEEP, str(tmp_path / "first"), str(model), url]
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])]),
    }
    process = subprocess.Popen(words, env=environ)
    try:
        # The last ones are on their way, as many as are sent at once: nobody knows yet whether they will be there.
        until(lambda: process.poll() is not None or len(line.put()) >= killed_at + AT_ONCE, patience_s=120)
        assert process.poll() is None
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = line.put()
    line.meet = lambda _method, _path, body, _count: body
    go_on.set()
    digest = content_digest(model)
    assert not stored(tmp_path / "second", url).holds(digest)
    stored(tmp_path / "first", url, model).path(digest)
    sent_again = line.put()[len(before) :]
    assert PARTS - len(before) <= len(sent_again) <= PARTS - killed_at
    assert content_digest(stored(tmp_path / "second", url).path(digest)) == digest


@pytest.mark.parametrize("fault", ["cut", "busy"])
def test_an_upload_that_lost_its_store_fails_in_passing_and_goes_on(
    tmp_path: Path, line: Line, url: str, model: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    faulty = None if fault == "cut" else 503
    line.meet = lambda method, _path, body, count: faulty if method == "PUT" and count >= 8 else body
    digest = content_digest(model)
    with pytest.raises(TransientError, match=f"assets {url}: v1/parts/"):
        stored(tmp_path / "first", url, model).path(digest)
    line.meet = lambda _method, _path, body, _count: body
    before = len(line.put())
    stored(tmp_path / "first", url, model).path(digest)
    assert len(line.put()) - before == PARTS - 8
    assert content_digest(stored(tmp_path / "second", url).path(digest)) == digest


def test_a_store_that_keeps_half_of_a_part_and_says_that_it_has_all_is_found_out(
    tmp_path: Path, line: Line, url: str, model: Path
) -> None:
    def half(method: str, path: str, body: bytes, count: int) -> bytes:
        return body[: len(body) // 2] if method == "PUT" and "/parts/" in path and count == 5 else body

    line.meet = half
    digest = content_digest(model)
    stored(tmp_path / "first", url, model).path(digest)
    with pytest.raises(ProviderError, match="has other bytes than its name says"):
        stored(tmp_path / "second", url).path(digest)
    line.meet = lambda _method, _path, body, _count: body
    before = len(line.put())
    stored(tmp_path / "first", url, model).path(digest)
    assert len(line.put()) - before == 1
    assert content_digest(stored(tmp_path / "second", url).path(digest)) == digest


def test_machines_that_keep_the_same_at_once_leave_it_whole(tmp_path: Path, line: Line, url: str, model: Path) -> None:
    digest, errors = content_digest(model), []

    def keep(number: int) -> None:
        try:
            _as_a_step_does(stored(tmp_path / str(number), url, model), digest)
        except ProviderError as error:
            errors.append(error)

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert content_digest(stored(tmp_path / "second", url).path(digest)) == digest


def _as_a_step_does(assets: AssetStore, digest: str) -> Path:
    """Take the content, again where that failed in passing: on a busy machine the server lets some calls wait long."""
    for _ in range(4):
        try:
            return assets.path(digest)
        except TransientError:
            continue
    return assets.path(digest)


def test_a_bucket_that_is_not_there_is_told(tmp_path: Path, line: Line, model: Path) -> None:
    with pytest.raises(ProviderError, match=r"assets s3://nowhere/x: .*bucket does not exist"):
        stored(tmp_path / "first", "s3://nowhere/x", model).path(content_digest(model))
