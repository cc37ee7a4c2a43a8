"""`mlops drift --watch` until it is told to end: what turned, as lines or JSON lines, and as metrics."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from command_line import PATIENCE_S, Repository
from jsonschema import Draft202012Validator

from reconciler.cli.published import published
from tests.waiting import until


@contextmanager
def watching(repo: Repository, *words: str) -> "Iterator[subprocess.Popen[str]]":
    with repo.started("drift", "--watch", "--interval", "0.2s", *words) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_interval_without_a_watch_is_refused(applied: Repository):
    assert "without --watch there is one look" in applied.mlops("drift", "--interval", "3s", code=1).err


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def put(repo: Repository, text: str) -> None:
    """Have the platform hold something else, in one move."""
    repo.write("fresh.jsonl", text)
    (repo.folder / "fresh.jsonl").replace(repo.folder / "live.jsonl")


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(PATIENCE_S)


def test_what_turns_is_told_with_its_time_also_across_an_outage(applied: Repository):
    with watching(applied) as process:
        assert "Z watching target dev: 4 resources are recorded" in line(process).replace("+00:00", "Z")
        put(applied, applied.read("live.jsonl").replace('{"blue": 100}', '{"blue": 30}'))
        assert " new: ~ endpoint/credit: changed" in line(process)
        assert line(process) == "      traffic.blue: recorded 100, live 30\n"
        text = applied.read("live.jsonl")
        put(applied, "no objects\n" + text)
        assert " cannot look: " in line(process)
        put(applied, text)
        assert line(process).endswith(" looking again\n")
        applied.apply()
        said = [line(process)]
        while "no drift any more" not in said[-1]:
            said.append(line(process))
        assert any(" gone: ~ endpoint/credit: changed" in each for each in said)
        assert ended(process, signal.SIGTERM) == 0


def read(process: "subprocess.Popen[str]") -> Any:
    """The next line, which must be as published."""
    told = json.loads(line(process))
    Draft202012Validator(published("drift-event")).validate(told)
    return told


def test_json_comes_in_lines_and_metrics_follow(applied: Repository):
    with watching(applied, "--format", "json", "--report", "prometheus=m.prom") as process:
        assert read(process)["event"] == "watching"
        put(applied, applied.read("live.jsonl").replace('{"blue": 100}', '{"blue": 30}'))
        told = read(process)
        assert (told["event"], told["target"], told["class"], told["fields"][0]["live"]) == (
            "new",
            "dev",
            "changed",
            30,
        )
        until(lambda: 'mlops_drift{target="dev",class="changed"} 1' in applied.read("m.prom"))
        assert ended(process, signal.SIGINT) == 130


@pytest.mark.parametrize(
    "words", [["--detailed-exitcode"], ["--format", "markdown"], ["--interval", "0s"], ["--report", "json=none/x"]]
)
def test_what_a_watch_cannot_do_is_refused(applied: Repository, words: list[str]):
    applied.mlops("drift", "--watch", *words, code=1)


def test_settings_that_are_wrong_end_a_watch_at_once(repo: Repository):
    repo.write("mlops.yaml", "targets: 3\n")
    repo.mlops("drift", "--watch", code=1)
