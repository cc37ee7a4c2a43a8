"""Files that are read by several processes hold what they hold when one reads them, whatever becomes of the others."""

import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.core.problem import Problem
from reconciler.load import Options, load_all, many, parse_set, readers
from reconciler.load.folder import located
from reconciler.load.many import read_files
from reconciler.load.reader import put, serve, values
from reconciler.load.readers import Readers, processors
from reconciler.load.reading import Reading
from tests.waiting import until

HOST = "$schema: https://azuremlschemas.azureedge.net/latest"
ENDPOINT = f"{HOST}/managedOnlineEndpoint.schema.json\nname: iris-{{}}\ntags: {{{{day: 2024-01-02, none: }}}}\n"
DEPLOYMENT = f"""{HOST}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: iris-{{}}
model: azureml:risk@latest
environment: azureml:sklearn:1
environment_variables: {{{{LEVEL: info, SECRET: "a b", NUMBER: "007", UNICODE: é🙂}}}}
instance_type: Standard_DS3_v2
instance_count: 2
"""
OTHERS = {
    "wrong.yml": ENDPOINT.format(1) + "foo: 1\nfoo: 2\n",
    "warned.yml": ENDPOINT.format(2) + "traffic: {a: 100}\n",
    "foreign.yml": "on: push\n",
    "broken.yml": f"{HOST}/managedOnlineEndpoint.schema.json\nname: [\n",
    "latin.yml": b"name: \xe9\n",
    "large.yml": b"#" * 1_048_577,
    "empty.yml": "",
    "varied.yml": ENDPOINT.format("{{WHICH}}"),
    "sealed.yml": DEPLOYMENT.format(3).replace("info", "{{WHICH}}"),
    "escaped.yml": DEPLOYMENT.format(5).replace("a b", "a \\x62"),
    "missing.yml": ENDPOINT.format("{{OTHER}}"),
    "several.yml": ENDPOINT.format(4) + "---\n" + DEPLOYMENT.format(4),
}
OPTIONS = Options(
    variables={"WHICH": "that"},
    overrides=(parse_set("endpoint/iris-7.description=x"), parse_set("endpoint/none.description=y")),
    cache=Path(".mlops/cache"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files of every sort, and beside it what is never to be imported."""
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "m"
    made.mkdir()
    for number in range(20):
        (made / f"e{number}.yml").write_text(ENDPOINT.format(number))
        (made / f"d{number}.yml").write_text(DEPLOYMENT.format(number))
    for name, text in OTHERS.items():
        (made / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for name in ("yaml.py", "json.py", "reconciler.py", "marshal.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    return tmp_path


def several(python: str = sys.executable, *, patience_s: float = 60) -> Readers:
    return Readers(processors=lambda: 3, worth=1, part=500, python=python, patience_s=patience_s)


def alone() -> Readers:
    return Readers(processors=lambda: 1)


def held(
    readers: Readers, options: Options = OPTIONS, meanwhile: Callable[[], None] | None = None
) -> tuple[list[tuple[str, Reading]], list[Problem]]:
    """What each file holds, and what is wrong with others than those."""
    problems: list[Problem] = []
    files = read_files(located("m"), options, problems, readers, meanwhile)
    return [(file.here.relative, reading) for file, reading in files], problems


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that this process reads; it takes the first, and the next ones once the others have nothing to do."""
    real, files, before = many.read, list[str](), threading.active_count()

    def read(data, here, options, *, alone):
        files.append(here.relative)
        until(lambda: threading.active_count() == before)
        return real(data, here, options, alone=alone)

    monkeypatch.setattr(many, "read", read)
    return files


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that are started; none may be left."""
    real, processes = subprocess.Popen, list[subprocess.Popen[bytes]]()

    def start(*words, **options):
        processes.append(real(*words, **options))
        return processes[-1]

    monkeypatch.setattr(readers.subprocess, "Popen", start)
    before = threading.active_count()
    yield processes
    assert all(process.returncode is not None for process in processes)
    assert threading.active_count() == before


def test_what_several_read_is_what_one_reads(
    folder: Path, read_here: list[str], started: list[subprocess.Popen[bytes]]
):
    expected = held(alone())
    first = len(read_here)
    assert started == []
    (folder / ".mlops" / "cache").rename(folder / "of-one")
    assert held(several()) == expected
    assert len(started) == 2
    mine = read_here[first:]
    assert first == len(OTHERS) + 40
    assert {"wrong.yml", "broken.yml", "missing.yml", "sealed.yml", "escaped.yml", "e7.yml", "large.yml"} <= set(mine)
    assert len(mine) < first / 2
    assert not (folder / "imported").exists()


def test_what_several_read_is_kept_as_what_one_reads(
    folder: Path, read_here: list[str], started: list[subprocess.Popen[bytes]]
):
    expected = held(alone())
    assert held(alone()) == expected
    again = len(read_here) - len(OTHERS) - 40
    (folder / ".mlops" / "cache").rename(folder / "of-one")
    held(several())
    before = len(read_here)
    assert held(alone()) == expected
    assert len(read_here) - before == again


def test_what_else_there_is_to_do_is_done_while_others_read(
    read_here: list[str], started: list[subprocess.Popen[bytes]]
):
    done = list[tuple[int, int]]()
    found = held(several(), meanwhile=lambda: done.append((len(started), len(read_here))))
    assert done == [(2, 0)]
    assert found == held(alone(), meanwhile=lambda: done.append((0, 0)))
    assert done == [(2, 0)]


def test_no_reader_outlives_what_fails_meanwhile(started: list[subprocess.Popen[bytes]]):
    def fail() -> None:
        raise OSError("the record cannot be read")

    with pytest.raises(OSError, match="the record cannot be read"):
        held(several(), meanwhile=fail)
    assert len(started) == 2


def test_a_reader_takes_more_than_a_pipe_holds_before_it_is_asked_for_what_it_has():
    words = [sys.executable, "-P", "-c", "from reconciler.load.reader import main; main()"]
    texts = [f"{ENDPOINT.format(number)}# {'x' * 200_000}\n".encode() for number in range(6)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process, process.stdin as given:
        put(given, {})
        for text in texts:
            put(given, [text])
        answers = values(process.stdout)
        assert [f'"iris-{number}"'.encode() in next(answers)[0] for number in range(6)] == [True] * 6


@pytest.mark.parametrize("does", ["exit 3", "printf '\\0\\0\\0\\0\\0\\0\\0\\001N'", "printf x", "exec sleep 600"])
def test_what_others_fail_to_read_is_read_here(folder: Path, does: str, started: list[subprocess.Popen[bytes]]):
    python = folder / "python"
    python.write_text(f"#!/bin/sh\n{does}\n")
    python.chmod(0o755)
    expected = held(alone())
    (folder / ".mlops" / "cache").rename(folder / "of-one")
    assert held(several(str(python), patience_s=0.1 if "sleep" in does else 60)) == expected
    assert len(started) == 2


@pytest.mark.parametrize("python", ["/nowhere/python", ""])
def test_without_an_interpreter_all_is_read_here(folder: Path, python: str):
    assert held(several(python)) == held(alone())


def test_none_outlives_whoever_is_interrupted(started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch):
    def read(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "read", read)
    with pytest.raises(KeyboardInterrupt):
        held(several())
    assert len(started) == 2


def test_a_few_files_are_worth_no_process(started: list[subprocess.Popen[bytes]]):
    held(Readers(processors=lambda: 8), Options())
    (Path("m") / "large.yml").unlink()
    load_all(["m"])
    assert started == []


def test_the_texts_of_readings_are_given_for_contents():
    taken, given = io.BytesIO(), io.BytesIO()
    for value in ({"WHICH": "x"}, [ENDPOINT.format("{{WHICH}}").encode(), b"name: ["], [b"on: push"]):
        put(given, value)
    serve(io.BytesIO(given.getvalue()), taken)
    (first, broken), (foreign,) = values(io.BytesIO(taken.getvalue()))
    assert b'"name": "iris-x"' in first
    assert (broken, foreign) == (b"[]", b"[]")


@pytest.mark.parametrize("gone", ["giver", "taker"])
def test_a_reader_ends_when_nobody_gives_or_takes_any_more(gone: str):
    words = [sys.executable, "-P", "-c", "from reconciler.load.reader import main; main()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        if gone == "taker":
            process.stdout.close()
            put(process.stdin, {})
            put(process.stdin, [ENDPOINT.format(1).encode()])
        else:
            process.stdin.close()
        assert process.wait(timeout=60) == (gone == "taker")


@pytest.mark.parametrize(
    ("quota", "count"), [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("", None), (None, None)]
)
def test_a_container_may_have_fewer_processors_than_there_are(folder: Path, quota: str | None, count: int | None):
    file = folder / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    assert processors(file) == (count or processors(folder / "nothing"))
    assert processors(file) >= 1
