"""A remote is reached by the operator's transport alone, and nothing that comes from it, or lies in it, runs."""

import os
import resource
import stat
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from followed import NOBODY, Team, following, git

from reconciler.errors import RefusedError
from reconciler.load.repository.git import Unanswered, begin_clone, fetch
from reconciler.load.repository.remote import remote_of
from reconciler.watch.deciding import Outage
from tests.waiting import until

TALKS = """#!/usr/bin/env python3
import pathlib, sys
def line(data): return b"%04x" % (len(data) + 4) + data
out = sys.stdout.buffer
out.write(line(b"1" * 40 + b" refs/heads/main\\0side-band-64k ofs-delta agent=x\\n") + b"0000")
out.flush()
sys.stdin.buffer.read1(65536)
out.write(line(b"NAK\\n"))
pathlib.Path(__file__).with_name("talked").touch()
while True:
    out.write(line(b"\\x02" + b"A" * 60000 + b"\\n"))
"""


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("/srv/models.git", "file"),
        ("../models.git", "file"),
        ("models.git", "file"),
        ("file:///srv/models.git", "file"),
        ("git@git.example:shop/models.git", "ssh"),
        ("git.example:models.git", "ssh"),
        ("git@[::1]:models.git", "ssh"),
        ("ssh://git@git.example:2222/models.git", "ssh"),
        ("https://git.example/models.git", "https"),
        ("https://token@git.example/models.git", "https"),
    ],
)
def test_a_remote_has_one_transport(text: str, scheme: str):
    assert remote_of(text, "main").scheme == scheme


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c 'touch /x'",
        "fd::17",
        "http::https://git.example/x",
        "http://git.example/models.git",
        "git://git.example/models.git",
        "ftp://git.example/models.git",
        "--upload-pack=touch /x",
        "-oProxyCommand=touch",
    ],
)
def test_what_runs_a_program_or_may_be_read_on_its_way_is_no_remote(text: str):
    with pytest.raises(RefusedError):
        remote_of(text, "main")


def test_a_password_in_a_url_is_refused_and_not_shown():
    with pytest.raises(RefusedError, match="credential helper") as refused:
        remote_of("https://ada:hunter2@git.example/models.git", "main")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("branch", ["", "-x", "a b", "a:b", "*", "a..b", "a~1", "x.lock", "a\nb", "@{u}", "/a", "a/"])
def test_a_branch_is_a_name_and_no_pattern(branch: str):
    with pytest.raises(RefusedError, match="no name of a branch"):
        remote_of("/srv/models.git", branch)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a mark beside it when it runs."""
    program = tmp_path / "trap"
    program.write_text('#!/bin/sh\ntouch "$(dirname "$0")/ran"\ncat\n')
    program.chmod(0o755)
    return program


def test_nothing_of_the_remote_or_of_a_user_s_templates_runs(
    team: Team, trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Hooks on both sides, a filter, a submodule, settings: all of them would leave the mark."""
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    for place in (template, team.remote / "hooks"):
        for hook in ("post-checkout", "post-update", "reference-transaction", "post-index-change", "pre-auto-gc"):
            (place / hook).write_text(f"#!/bin/sh\nexec {trap}\n")
            (place / hook).chmod(0o755)
    user = tmp_path / "gitconfig"
    for name, value in (
        ("init.templateDir", str(template.parent)),
        ("filter.evil.smudge", str(trap)),
        ("filter.evil.process", str(trap)),
    ):
        git(tmp_path, "config", "--file", str(user), name, value)
    for name in ("uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand"):
        git(team.remote, "config", name, str(trap))
    team.write(".gitattributes", "* filter=evil\n")
    team.write(".gitmodules", f'[submodule "m"]\n path = m\n url = {team.remote}\n')
    git(team.work, "update-index", "--add", "--cacheinfo", f"160000,{'0' * 39}1,m")
    for variable, value in {**NOBODY, "GIT_CONFIG_GLOBAL": str(user)}.items():
        monkeypatch.setenv(variable, value)
    git(team.work, "add", ".gitattributes", ".gitmodules")
    git(team.work, "commit", "-q", "-m", "hostile")
    git(team.work, "push", "-q", "origin", "HEAD:main")
    subprocess.run(["git", "clone", "-q", str(team.remote), str(tmp_path / "plain")], check=False, timeout=60)
    (tmp_path / "ran").unlink()  # a plain clone does run some of it
    with following(team) as watcher:
        assert watcher.round().outage is None, watcher.said
    assert list(team.live()) == ["endpoint/credit"]
    assert not (tmp_path / "ran").exists()
    assert not list((team.folder / "clone" / ".git").glob("hooks/*"))


def test_a_setting_that_leads_to_another_transport_is_not_followed(
    team: Team, trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    user = tmp_path / "gitconfig"
    git(tmp_path, "config", "--file", str(user), f"url.ext::{trap} .insteadOf", str(team.remote))
    git(tmp_path, "config", "--file", str(user), "protocol.ext.allow", "always")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(user))
    with following(team) as watcher:
        assert watcher.round().outage is Outage.GIT
    assert not (tmp_path / "ran").exists()


def test_a_remote_that_hangs_is_an_outage_and_leaves_no_process(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hanging = tmp_path / "hanging-ssh"
    hanging.write_text("#!/bin/sh\nsleep 987654\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(hanging))
    monkeypatch.setattr(team, "remote", "git@git.example:models.git")
    began = time.monotonic()
    with following(team, fetch_timeout_s=1.0) as watcher:
        assert watcher.round().outage is Outage.GIT
        assert watcher.lines("outage") == ["outage of git: fetch of main failed: no answer within 1 s"]
    assert time.monotonic() - began < 60
    try:
        until(lambda: not sleeping())  # what was killed is gone a moment later
    finally:
        for process in sleeping():
            process.kill()


def sleeping() -> list[psutil.Process]:
    """The processes that the remote has started."""
    return [each for each in psutil.process_iter(["cmdline"]) if "987654" in (each.info["cmdline"] or ())]


def test_a_remote_that_talks_without_an_end_takes_no_memory(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It names a commit, and instead of sending it tells of its progress, as fast as it can."""
    talking = tmp_path / "talking-ssh"
    talking.write_text(TALKS)
    talking.chmod(0o755)
    for name, value in (("GIT_SSH", str(talking)), ("GIT_SSH_VARIANT", "simple")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(team, "remote", "git@git.example:models.git")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with following(team, fetch_timeout_s=3.0) as watcher:
        assert watcher.round().outage is Outage.GIT
        assert "no answer within 3 s" in watcher.lines("outage")[-1]
    assert (tmp_path / "talked").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_what_was_half_fetched_takes_no_room_for_good(team: Team):
    with following(team) as watcher:
        watcher.round()
        objects = team.folder / "clone" / ".git" / "objects"
        for name in ("pack/tmp_pack_a1b2c3", "pack/tmp_idx_a1b2c3", "00/tmp_obj_a1b2c3"):
            (objects / name).parent.mkdir(exist_ok=True)
            (objects / name).write_bytes(b"half of it")
        assert watcher.round().outage is None
        assert list(objects.rglob("tmp_*")) == []


@pytest.mark.parametrize("relative", [".", "", "bin"])
def test_a_program_of_the_repository_is_not_taken_for_ssh(
    tmp_path: Path, trap: Path, monkeypatch: pytest.MonkeyPatch, relative: str
):
    begin_clone(str(tmp_path), "main")
    ssh = tmp_path / relative / "ssh"
    ssh.parent.mkdir(exist_ok=True)
    ssh.symlink_to(trap)
    monkeypatch.setenv("PATH", os.pathsep.join([relative, os.environ["PATH"]]))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    with pytest.raises(Unanswered):
        fetch(str(tmp_path), remote_of("git@127.0.0.1:models.git", "main"), "refs/watch/x", timeout_s=20)
    assert not list(tmp_path.rglob("ran"))


def test_the_clone_is_private_to_its_user_where_it_remembers(team: Team):
    with following(team) as watcher:
        watcher.round()
        assert stat.S_IMODE(watcher.folder.kept.folder.stat().st_mode) == 0o700
