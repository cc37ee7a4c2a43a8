"""Watchers as processes of their own: kills, signals, and what is to be seen of them over HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from followed import ENDPOINT, MLOPS, NOBODY, Team, git

from reconciler.cli import watching
from reconciler.errors import RefusedError
from tests.faults.plugin import plugged
from tests.waiting import until

MLOPS_COMMAND = str(Path(sys.executable).with_name("mlops"))
PATIENCE_S = 120.0


class Started:
    """A watcher that runs, and the lines that it said."""

    def __init__(self, team: Team, *words: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [MLOPS_COMMAND, "watch", str(team.remote), *words],
            cwd=team.folder,
            env={**os.environ, **NOBODY, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.said.extend(iter(self.process.stdout.readline, ""))

    def wait_for(self, words: str) -> str:
        """The first line with some words in it."""

        def found() -> str:
            assert self.process.poll() is None or any(words in line for line in self.said), self.said
            return next((line for line in list(self.said) if words in line), "")

        return until(found, patience_s=PATIENCE_S)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=PATIENCE_S)
        if self.process.stdout:
            self.process.stdout.close()
        return code

    @property
    def port(self) -> int:
        return int(self.wait_for("health and metrics at port").split()[-1])

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


Start = Callable[..., Started]


@pytest.fixture
def start(team: Team) -> Iterator[Start]:
    """Starts watchers of the team's branch, and ends them."""
    running: list[Started] = []

    def begin(*words: str, **variables: str) -> Started:
        running.append(Started(team, *words, **variables))
        return running[-1]

    yield begin
    for each in running:
        for process in (
            [*psutil.Process(each.process.pid).children(recursive=True)] if each.process.poll() is None else []
        ):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        each.process.kill()
        each.ended()


def once(team: Team, *words: str, folder: str = "clone", code: int = 0) -> str:
    done = subprocess.run(
        [MLOPS_COMMAND, "watch", str(team.remote), "--folder", folder, "--once", *words],
        cwd=team.folder,
        env={**os.environ, **NOBODY},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_when_the_leader_is_killed_the_other_one_takes_over(team: Team, start: Start):
    team.write("mlops.yaml", MLOPS.replace("default", "state: ../state.db, default"))
    team.push("a record for both")
    first = start("--folder", "one", "--interval", "1s", "--listen", "0")
    first.wait_for("is in force")
    second = start("--folder", "two", "--interval", "1s", "--listen", "0")
    second.wait_for("stands by")
    assert until(lambda: first.get("/readyz") == (200, "leader\n"))
    assert until(lambda: second.get("/readyz") == (200, "standby\n"))
    first.process.kill()
    team.tag("a")
    second.wait_for("leads target dev")
    assert until(lambda: team.tags == {"team": "a"})
    assert until(lambda: second.get("/readyz") == (200, "leader\n"))


def test_sighup_looks_at_once_and_sigterm_ends_it_with_0(team: Team, start: Start):
    watcher = start("--folder", "clone", "--interval", "1h")
    watcher.wait_for("is in force")
    commit = team.tag("a")

    def asked() -> bool:
        watcher.process.send_signal(signal.SIGHUP)
        return any(f"commit {commit[:12]} is in force" in line for line in watcher.said)

    until(asked, patience_s=PATIENCE_S)
    assert team.tags == {"team": "a"}
    assert watcher.end() == 0
    assert "ends: told to" in watcher.said[-1]


@pytest.mark.parametrize("kill", [False, True])
def test_sigterm_in_a_step_finishes_it_and_a_kill_is_made_good_by_the_next_life(
    team: Team, start: Start, tmp_path: Path, kill: bool
):
    """The provider waits with the endpoint until it is told to go on."""
    faults = 'faults: {"create endpoint/credit": [gate]}'
    team.write("mlops.yaml", MLOPS.replace("memory", "scheduled").replace("default", f"{faults}, default"))
    team.write("manifests/risk.yml", ENDPOINT.replace("credit", "risk"))
    team.push("slow")
    words = ("--folder", "clone", "--interval", "1h", "--settings", "watch.yaml")
    (team.folder / "watch.yaml").write_text("parallel: 1\n")
    watcher = start(*words, **plugged(tmp_path / "plugin"))
    until((team.folder / "clone" / "begun").exists, patience_s=PATIENCE_S)
    if kill:
        watcher.end(signal.SIGKILL)
    else:
        watcher.process.send_signal(signal.SIGTERM)
        watcher.wait_for("finishing the steps that run")
    (team.folder / "clone" / "go").touch()
    if not kill:
        assert watcher.ended() == 130
        assert list(team.live()) == ["endpoint/credit"]
    again = start(*words, **plugged(tmp_path / "plugin"))
    again.wait_for("is in force")
    assert set(team.live()) == {"endpoint/credit", "endpoint/risk"}


@pytest.mark.parametrize("word", [watching.suspend, watching.resume])
def test_a_folder_that_no_watcher_has_is_neither_suspended_nor_resumed(tmp_path: Path, word: Callable[..., None]):
    with pytest.raises(RefusedError, match="no folder of a watcher"):
        word(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_watcher_that_runs_is_suspended_and_goes_on(team: Team, start: Start):
    watcher = start("--folder", "clone", "--interval", "1h")
    watcher.wait_for("is in force")

    def said(*words: str) -> str:
        return subprocess.run(
            [MLOPS_COMMAND, "watch", *words, "--folder", "clone"],
            cwd=team.folder, check=True, capture_output=True, text=True, timeout=PATIENCE_S,
        ).stdout  # fmt: skip

    said("suspend", "--reason", "the database moves")
    assert watcher.wait_for(": the database moves")
    team.tag("a")
    assert "the database moves" in said("resume")
    until(lambda: team.tags == {"team": "a"}, patience_s=PATIENCE_S)


@pytest.mark.parametrize("seed", range(3))
def test_killed_anywhere_it_ends_at_exactly_the_newest_commit(team: Team, start: Start, seed: int):
    """Kills while files are laid out and applied, git and all or the watcher alone."""
    for number in range(150):
        team.write(f"manifests/data/{seed}-{number}.txt", "x" * 2000)
    team.push("many")
    watcher = start("--folder", "clone", "--interval", "1s")
    watcher.wait_for("commit ")
    for turn in range(4):
        for number in range(150):
            (team.work / f"manifests/data/{seed}-{number}.txt").unlink(missing_ok=True)
            team.write(f"manifests/data/{turn}/{number}.txt", f"{turn}" * 2000)
        commit = team.tag(f"t{turn}")
        if seed:
            watcher.wait_for(commit[:12])
        children = psutil.Process(watcher.process.pid).children(recursive=True) if (turn + seed) % 2 else []
        watcher.end(signal.SIGKILL)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        watcher = start("--folder", "clone", "--interval", "1s")
    commit = team.push("last")
    watcher.wait_for(f"commit {commit[:12]} is in force")
    clone = team.folder / "clone"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-parse", "HEAD") == commit
    assert team.tags == {"team": "t3"}


def test_health_and_metrics_tell_what_is(team: Team, start: Start):
    watcher = start("--folder", "clone", "--interval", "1s", "--listen", "0")
    watcher.wait_for("is in force")
    commit = git(team.work, "rev-parse", "HEAD")
    assert until(lambda: f'commit="{commit}"' in watcher.get("/metrics")[1])
    _, text = watcher.get("/metrics")
    values: dict[str, Any] = dict(re.findall(r"^(mlops_[a-z_]+) (\S+)$", text, re.MULTILINE))
    assert (values["mlops_watch_leader"], values["mlops_watch_behind"], values["mlops_watch_drift"]) == ("1", "0", "0")
    assert watcher.get("/healthz") == (200, "ok\n")
    assert watcher.get("/secrets")[0] == 404
    team.remote.rename(team.folder / "away.git")
    watcher.wait_for("outage of git")
    assert until(lambda: watcher.get("/healthz")[0] == 503)
    assert 'mlops_watch_outages_total{kind="git"}' in watcher.get("/metrics")[1]


def test_what_a_person_rolls_back_in_the_clone_is_not_brought_again(team: Team):
    once(team)
    team.tag("bad")
    once(team)
    clone = team.folder / "clone"
    subprocess.run([MLOPS_COMMAND, "rollback", "--auto-approve"], cwd=clone, check=True, timeout=PATIENCE_S)
    assert team.tags == {}
    once(team, "--self-heal", code=4)
    assert team.tags == {}
    team.tag("good")
    once(team)
    assert team.tags == {"team": "good"}


def test_in_a_hook_it_is_its_own_clone_that_counts(team: Team):
    """Such as after a push, where git names the repository in the environment."""
    hook = team.remote / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\n{MLOPS_COMMAND} watch {team.remote} --folder {team.folder}/clone --once\n")
    hook.chmod(0o755)
    team.tag("a")
    assert team.tags == {"team": "a"}


def test_one_round_alone_tells_by_its_exit_code_how_it_ended(team: Team):
    assert "is in force" in once(team)
    events = [json.loads(line) for line in once(team, "--format", "json").splitlines()]
    assert [event["event"] for event in events] == ["lead", "in force"]
    team.tag("a")
    subprocess.run([MLOPS_COMMAND, "watch", "suspend", "--folder", "clone"], cwd=team.folder, check=True, timeout=60)
    once(team, code=4)
    subprocess.run([MLOPS_COMMAND, "watch", "resume", "--folder", "clone"], cwd=team.folder, check=True, timeout=60)
    events = [json.loads(line) for line in once(team, "--format", "json").splitlines()]
    assert [event["event"] for event in events][-2:] == ["applied", "in force"]
    team.write("manifests/endpoint.yml", f"{ENDPOINT}traffic: {{nobody: 100}}\n")
    team.push("wrong")
    once(team, code=1)
    once(team, folder="work", code=4)


def test_an_author_and_a_message_of_anything_act_nowhere(team: Team):
    git(team.work, "config", "user.name", "nobody")
    team.push("::error::owned\r::set-output name=x::y \x1b[2J\u202e", "--author", "##[command]\x1b]0;owned\x07 <a@b>")
    for form, code in (("text", 0), ("json", 4)):  # the second is another record, and what is there is not its own
        said = once(team, "--format", form, folder=form, code=code)
        assert "owned" in said
        assert not set(said) & set("\x1b\x07\r\u202e")
        assert [line for line in said.splitlines() if line.startswith(("::", "##"))] == []
