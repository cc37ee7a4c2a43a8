"""What cannot be reached is told once, asked for ever more seldom, and used again when it is back; nothing is lost."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import pytest
from followed import MLOPS, Following, Team, following, git

from reconciler import pipeline
from reconciler.apply import Watcher as Told
from reconciler.errors import ProviderError
from reconciler.providers.memory import MemoryProvider
from reconciler.watch.deciding import Hold, Outage
from reconciler.watch.settings import SelfHeal
from reconciler.wishes import Manner
from tests.mounts import small

Break = Callable[[Team, pytest.MonkeyPatch], Callable[[], object]]


def remote_gone(team: Team, _patch: pytest.MonkeyPatch) -> Callable[[], object]:
    away = team.remote.rename(team.folder / "away.git")
    return lambda: away.rename(team.remote)


def remote_corrupt(team: Team, _patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The newest commit of the remote is cut short."""
    commit = git(team.work, "rev-parse", "HEAD")
    file = team.remote / "objects" / commit[:2] / commit[2:]
    kept = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(kept[:10])
    return lambda: file.write_bytes(kept)


def branch_gone(team: Team, _patch: pytest.MonkeyPatch) -> Callable[[], object]:
    head = git(team.remote, "rev-parse", "main")
    git(team.remote, "update-ref", "-d", "refs/heads/main")
    return lambda: git(team.remote, "update-ref", "refs/heads/main", head)


def provider_gone(team: Team, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    """Whatever is asked of what is live, nobody answers."""
    gone = [True]

    def asked(provider: MemoryProvider, answer: Callable[..., object], *words: object) -> object:
        if gone:
            raise ProviderError("no route to host")
        return answer(provider, *words)

    for question in ("list", "observe", "root", "digests", "some", "known", "fences"):
        patch.setattr(MemoryProvider, question, partialmethod(asked, getattr(MemoryProvider, question)))
    return gone.clear


def record_gone(team: Team, _patch: pytest.MonkeyPatch) -> Callable[[], object]:
    state = team.folder / "clone" / ".mlops" / "state.db"
    kept = state.read_bytes()
    state.write_bytes(b"x" * len(kept))
    return lambda: state.write_bytes(kept)


def defect(team: Team, patch: pytest.MonkeyPatch) -> Callable[[], object]:
    real, broken = pipeline.apply, [True]

    def applied(*words: object) -> object:
        if broken:
            raise ValueError("nobody thought of this")
        return real(*words)  # type: ignore[arg-type]

    patch.setattr(pipeline, "apply", applied)
    return broken.clear


@pytest.mark.parametrize(
    ("breaks", "outage"),
    [
        (remote_gone, Outage.GIT),
        (remote_corrupt, Outage.GIT),
        (branch_gone, Outage.GIT),
        (provider_gone, Outage.PROVIDER),
        (record_gone, Outage.STATE),
        (defect, Outage.INTERNAL),
    ],
)
def test_an_outage_is_told_once_backed_off_from_and_recovered_from(
    team: Team, breaks: Break, outage: Outage, monkeypatch: pytest.MonkeyPatch
):
    with following(team) as watcher:
        watcher.round()
        team.tag("a")
        mend = breaks(team, monkeypatch)
        pauses = []
        for _ in range(5):
            found = watcher.round()
            assert found.outage is outage, watcher.said
            pauses.append(watcher.watcher.pause(found))
        assert pauses == pytest.approx([60, 120, 240, 480, 600])
        assert len(watcher.lines("outage")) == 1
        assert watcher.watcher.sight.outages == {outage: 5}
        assert team.tags == {}
        mend()
        assert watcher.watcher.pause(watcher.round()) == 60
        assert watcher.lines("recovered") == [f"{outage} answers again"]
        assert watcher.watcher.sight.failing_since == 0
    assert team.tags == {"team": "a"}


def test_a_clone_that_is_damaged_is_made_anew_and_no_file_of_it_is_left(team: Team):
    team.write("manifests/old.txt", "old")
    team.push("old")
    with following(team) as watcher:
        watcher.round()
        objects = team.folder / "clone" / ".git" / "objects"
        for file in [each for each in objects.rglob("*") if each.is_file()]:
            file.unlink()
        (team.work / "manifests/old.txt").unlink()
        team.tag("a")
        for _ in range(3):
            watcher.round()
        assert watcher.round().outage is None, watcher.said
    assert team.tags == {"team": "a"}
    assert not (team.folder / "clone/manifests/old.txt").exists()


def test_on_a_full_disk_it_goes_on_and_recovers_once_there_is_room(team: Team):
    team.write("mlops.yaml", MLOPS.replace("../live.jsonl", f"{team.folder}/live.jsonl"))
    team.push("a target elsewhere")
    with small(team.folder / "disk", 4096) as disk, following(team, folder="disk/clone") as watcher:
        assert watcher.round().outage is None
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(b"x" * 4096 * 1024)
        team.tag("a")
        assert [watcher.round().outage is None for _ in range(3)] == [False] * 3
        assert len(watcher.lines("outage")) <= 2
        filler.unlink()
        assert watcher.round().outage is None, watcher.said
        assert team.tags == {"team": "a"}


def test_while_the_remote_is_away_a_live_edit_is_brought_back_all_the_same(team: Team, monkeypatch: pytest.MonkeyPatch):
    with following(team, self_heal=SelfHeal(True)) as watcher:
        watcher.round()
        remote_gone(team, monkeypatch)
        team.behind_our_back("endpoint/credit", tags={"by": "hand"})
        assert watcher.round().outage is Outage.GIT
    assert team.tags == {}


def test_a_clone_that_git_no_longer_knows_is_made_anew(team: Team):
    with following(team) as watcher:
        watcher.round()
        (team.folder / "clone" / ".git" / "HEAD").write_text("nonsense")
        team.tag("a")
        for _ in range(2):
            watcher.round()
        assert watcher.round().outage is None, watcher.said
    assert team.tags == {"team": "a"}


def cut_off(team: Team, watcher: Following, former: str, newer: str) -> None:
    """Leave the folder as a kill in the middle of laying out leaves it: files of both commits, an old index, a lock."""
    clone = team.folder / "clone"
    facts = watcher.folder.kept.clone()
    watcher.folder.kept.keep_clone({**facts, "laid": [former, newer]})
    git(clone, "fetch", "-q", str(team.remote), newer)
    for name in git(clone, "ls-tree", "-r", "--name-only", newer).splitlines()[::2]:
        path = clone / name
        if path.is_file():
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(git(clone, "show", f"{newer}:{name}"))
    (clone / ".git" / "index.lock").touch()
    (clone / ".git" / "HEAD.lock").touch()
    (clone / ".git" / "refs" / "watch" / "fetched.lock").touch()


def test_a_layout_that_was_cut_off_leaves_nothing_of_either_commit(team: Team):
    for number in range(6):
        team.write(f"manifests/one{number}.txt", "1")
    former = team.push("one")
    with following(team) as watcher:
        watcher.round()
        for number in range(6):
            (team.work / f"manifests/one{number}.txt").unlink()
            team.write(f"manifests/two{number}.txt", "2")
        newer = team.push("two")
        cut_off(team, watcher, former, newer)
        (team.folder / "clone" / "kept.txt").write_text("somebody's")
    for number in range(6):
        (team.work / f"manifests/two{number}.txt").unlink()
    team.tag("three")
    with following(team) as watcher:
        assert watcher.round().hold is None, watcher.said
    clone = team.folder / "clone"
    assert sorted(p.name for p in (clone / "manifests").iterdir()) == ["endpoint.yml"]
    assert git(clone, "status", "--porcelain") == "?? kept.txt"
    assert team.tags == {"team": "three"}


def test_an_apply_that_is_told_to_stop_finishes_its_step_and_goes_on_in_the_next_life(team: Team):
    team.write("manifests/risk.yml", (team.work / "manifests/endpoint.yml").read_text().replace("credit", "risk"))
    team.push("two endpoints")
    stop = threading.Event()
    manner = Manner(stop=stop, watch=lambda _plan: Told(on_start=lambda _step: stop.set()))
    with following(team, manner=manner, parallel=1) as watcher:
        assert watcher.round().interrupted
    assert len(team.live()) == 1
    with following(team) as watcher:
        assert watcher.round().hold is None
    assert len(team.live()) == 2


def test_two_watchers_in_one_folder_one_waits(team: Team):
    with following(team) as leader, following(team) as other:
        assert leader.round().hold is None
        assert other.round().hold is Hold.STANDBY
        assert other.watcher.pause(other.round()) == 1
        assert len(other.lines("lead")) == 1
        leader.watcher.close()
        team.tag("a")
        assert other.round().hold is None
    assert team.tags == {"team": "a"}


def test_two_watchers_of_one_record_in_two_folders_one_waits(team: Team):
    team.write("mlops.yaml", MLOPS.replace("default", "state: ../state.db, default"))
    team.push("a record for both")
    with following(team) as leader, following(team, folder="another") as other:
        leader.round()
        assert other.round().hold is Hold.STANDBY
        team.tag("a")
        assert other.round().hold is Hold.STANDBY
        assert team.tags == {}
        leader.watcher.close()
        assert other.round().hold is None
        assert other.watcher.sight.leads
    assert team.tags == {"team": "a"}


def test_a_folder_that_is_gone_is_an_outage_and_not_the_end(team: Team):
    with following(team) as watcher:
        watcher.round()
        shutil.rmtree(team.folder / "clone")
        assert watcher.round().outage is not None
        assert Path.cwd().exists()


def test_a_platform_that_says_nothing_of_a_step_is_asked_again(team: Team, monkeypatch: pytest.MonkeyPatch):
    """Nobody knows whether it is done, so it was no try that failed."""
    real, silent = MemoryProvider.update, [True]

    def update(self: MemoryProvider, step: object, operation: object) -> None:
        if silent:
            threading.Event().wait(600)
        real(self, step, operation)  # type: ignore[arg-type]

    with following(team) as watcher:
        watcher.round()
        monkeypatch.setattr(MemoryProvider, "update", update)
        team.tag("a")
    with following(team, step_timeout_s=0.3) as watcher:
        assert watcher.round().outage is Outage.PROVIDER
    silent.clear()
    with following(team, step_timeout_s=60.0) as watcher:
        assert watcher.round().hold is None, watcher.said
    assert team.tags == {"team": "a"}
    assert replace(watcher.memory, tried="") == watcher.memory
