"""Commits that must be signed: real signatures of ssh and gpg, held against the operator's keys alone."""

import os
import shutil
import subprocess
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from followed import ENDPOINT, Team, following, git

from reconciler.watch.clone import Clone, GitOutageError, Signers
from reconciler.watch.deciding import Hold, Outage
from reconciler.watch.kept import Suspension
from reconciler.watch.windows import Window, Windows
from tests.engine.fixtures import lacking


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ssh keys of Ada and of somebody else."""
    if not shutil.which("ssh-keygen"):
        lacking("there is no ssh-keygen", "ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "eve"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
    return folder


def allowed(keys: Path, place: Path, *, name: str = "ada", options: str = "") -> Signers:
    """The operator's file, in which one key counts."""
    key = " ".join((keys / f"{name}.pub").read_text().split()[:2])
    place.write_text(f"ada@example.org {options} {key}\n")
    return Signers(allowed=str(place))


def signed(team: Team, keys: Path, name: str, subject: str, **variables: str) -> str:
    words = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={keys / name}", "-c", "commit.gpgsign=true")
    git(team.work, *words, "commit", "-q", "--allow-empty", "-a", "-m", subject, **variables)
    git(team.work, "push", "-q", "origin", "HEAD:main")
    return git(team.work, "rev-parse", "HEAD")


def test_a_commit_that_a_trusted_key_signed_is_applied(team: Team, keys: Path, tmp_path: Path):
    signed(team, keys, "ada", "signed")
    with following(team, signers=allowed(keys, tmp_path / "allowed")) as watcher:
        assert watcher.round().hold is None
    assert list(team.live()) == ["endpoint/credit"]


def test_the_first_commit_is_not_applied_unsigned(team: Team, keys: Path, tmp_path: Path):
    with following(team, signers=allowed(keys, tmp_path / "allowed")) as watcher:
        assert [watcher.round().hold for _ in range(2)] == [Hold.UNSIGNED] * 2
        (line,) = watcher.lines("held")
        assert "not signed by anybody who is trusted" in line
        assert "hint:" not in line
    assert team.live() == {}


@pytest.mark.parametrize("then", ["nothing", "another one", "an outage"])
def test_what_came_before_signatures_were_demanded_is_not_applied_unsigned(
    team: Team, keys: Path, tmp_path: Path, then: str
):
    shut = Windows(deny=(Window("* * * * *", timedelta(hours=1), UTC, "freeze"),))
    with following(team, windows=shut) as watcher:
        assert watcher.round().hold is Hold.WINDOW
    if then == "another one":
        team.tag("bad")
    elif then == "an outage":
        team.remote.rename(team.folder / "away.git")
    with following(team, signers=allowed(keys, tmp_path / "allowed")) as watcher:
        assert [watcher.round().hold for _ in range(2)] == [None if then == "an outage" else Hold.UNSIGNED] * 2
        assert team.live() == {}
        if then != "an outage":
            signed(team, keys, "ada", "signed")
            assert watcher.round().hold is None
            assert list(team.live()) == ["endpoint/credit"]


@pytest.mark.parametrize("how", ["not", "by eve", "by an expired key", "by a revoked key", "and then changed"])
def test_a_commit_that_is_not_signed_by_a_trusted_key_leaves_the_former_in_force(
    team: Team, keys: Path, tmp_path: Path, how: str
):
    signers = allowed(keys, tmp_path / "allowed")
    former = signed(team, keys, "ada", "signed")
    with following(team, signers=signers) as watcher:
        watcher.round()
        if how == "not":
            team.tag("bad")
        elif how == "by a revoked key":
            (tmp_path / "revoked").write_text((keys / "ada.pub").read_text())
            object.__setattr__(signers, "revoked", str(tmp_path / "revoked"))
            signed(team, keys, "ada", "late")
        elif how == "by an expired key":
            allowed(keys, tmp_path / "allowed", options='valid-before="20200101"')
            signed(team, keys, "ada", "late")
        elif how == "by eve":
            signed(team, keys, "eve", "hers")
        else:
            signed(team, keys, "ada", "honest")
            changed = git(team.work, "cat-file", "commit", "HEAD").replace("honest", "hostile") + "\n"
            made = subprocess.run(
                ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
                cwd=team.work, input=changed, text=True, check=True, capture_output=True,
            ).stdout.strip()  # fmt: skip
            git(team.work, "push", "-q", "--force", "origin", f"{made}:main")
        assert watcher.round().hold is Hold.UNSIGNED
        assert f"{former[:12]} stays in force" in watcher.lines("held")[-1]
        assert (watcher.memory.head, team.tags) == (former, {})


@pytest.mark.parametrize("away", [False, True], ids=["the remote answers", "the remote is away"])
def test_a_key_that_is_revoked_while_its_commit_waits_signs_it_no_more(
    team: Team, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, away: bool
):
    signers = allowed(keys, tmp_path / "allowed")
    former = signed(team, keys, "ada", "signed")
    with following(team, signers=signers) as watcher:
        watcher.round()
        watcher.folder.kept.suspend(Suspension("ada", "now"))
        team.write("manifests/endpoint.yml", f"{ENDPOINT}tags: {{team: stolen}}\n")
        signed(team, keys, "ada", "stolen")
        assert watcher.round().hold is Hold.SUSPENDED
        allowed(keys, tmp_path / "allowed", name="eve")
        if away:
            monkeypatch.setattr(Clone, "fetch", outage)
        watcher.folder.kept.resume()
        found = watcher.round()
        assert (found.hold, found.outage) == ((None, Outage.GIT) if away else (Hold.UNSIGNED, None))
        assert (watcher.memory.in_force, team.tags) == (former, {})


def outage(_clone: Clone, *, timeout_s: float) -> str:
    raise GitOutageError(f"no answer within {timeout_s:g} s")


def test_settings_beside_the_operator_s_trust_nobody(team: Team, keys: Path, tmp_path: Path):
    """Neither those of the clone, nor those that a commit brings along."""
    signers = allowed(keys, tmp_path / "allowed")
    signed(team, keys, "ada", "signed")
    with following(team, signers=signers) as watcher:
        watcher.round()
        hers = allowed(keys, tmp_path / "hers", name="eve").allowed
        git(team.folder / "clone", "config", "gpg.ssh.allowedSignersFile", hers)
        git(team.folder / "clone", "config", "gpg.ssh.program", "true")
        team.write("allowed_signers", Path(hers).read_text())
        git(team.work, "add", "--all")
        signed(team, keys, "eve", "hers")
        assert watcher.round().hold is Hold.UNSIGNED


def test_a_signature_of_gpg_counts_by_the_operator_s_keyring(team: Team, tmp_path: Path):
    if not shutil.which("gpg"):
        lacking("there is no gpg", "gpg")
    home = Path("/tmp") / f"mlops-gpg-{os.getpid()}"  # a socket's path is short
    home.mkdir(mode=0o700)
    environ = {**os.environ, "GNUPGHOME": str(home)}
    try:
        words = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", "ada@example.org", "ed25519", "sign"]
        subprocess.run(words, env=environ, check=True, capture_output=True, timeout=120)
        words = ["-c", "user.signingkey=ada@example.org", "commit", "-q", "-S", "--allow-empty", "-m", "signed"]
        git(team.work, *words, GNUPGHOME=str(home))
        git(team.work, "push", "-q", "origin", "HEAD:main")
        empty = tmp_path / "empty"
        empty.mkdir(mode=0o700)
        with following(team, signers=Signers(gnupg=str(empty))) as watcher:
            assert watcher.round().hold is Hold.UNSIGNED
        with following(team, signers=Signers(gnupg=str(home))) as watcher:
            assert watcher.round().hold is None
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=False, capture_output=True, timeout=60)
        shutil.rmtree(home, ignore_errors=True)
