"""The rounds of a watcher over a real bare repository and a memory target."""

from dataclasses import replace
from pathlib import Path

import pytest
from followed import ENVIRONMENT, Team, following, git

from reconciler.apply import Watcher as Told
from reconciler.errors import RefusedError
from reconciler.watch.deciding import Hold
from reconciler.watch.sight import ailment
from reconciler.wishes import Manner


def test_the_first_round_applies_what_the_branch_holds_and_the_next_one_rests(team: Team):
    with following(team) as watcher:
        assert watcher.round().hold is None
        assert list(team.live()) == ["endpoint/credit"]
        said = len(watcher.said)
        watcher.round()
        assert len(watcher.said) == said
        assert watcher.watcher.sight.in_force == git(team.work, "rev-parse", "HEAD")


def test_a_pushed_commit_is_applied_and_told_with_its_author(team: Team):
    with following(team) as watcher:
        watcher.round()
        commit = team.tag("a")
        watcher.round()
        assert team.tags == {"team": "a"}
        assert watcher.lines("commit")[-1] == f"commit {commit[:12]} by Ada: tag a"
        assert watcher.lines("in force")[-1] == f"commit {commit[:12]} is in force"


def test_the_run_is_recorded_with_commit_and_branch(team: Team):
    with following(team) as watcher:
        watcher.round()
        with watcher.folder.opened() as workspace:
            (run,) = workspace.store.runs()
        assert (run.command, run.commit, run.branch, run.dirty, run.outcome) == (
            "watch",
            git(team.work, "rev-parse", "HEAD"),
            "main",
            False,
            "succeeded",
        )


def test_a_file_that_a_commit_removes_is_gone_and_its_resource_with_it(team: Team):
    team.write("manifests/sklearn.yml", ENVIRONMENT)
    team.push("environment")
    with following(team) as watcher:
        watcher.round()
        assert set(team.live()) == {"endpoint/credit", "environment/sklearn:1"}
        (team.work / "manifests" / "sklearn.yml").unlink()
        team.push("no environment")
        watcher.round()
        assert set(team.live()) == {"endpoint/credit"}
        assert not (team.folder / "clone" / "manifests" / "sklearn.yml").exists()


def test_a_restarted_watcher_goes_on_where_it_was(team: Team):
    with following(team) as watcher:
        watcher.round()
    with following(team) as watcher:
        watcher.round()
        assert watcher.lines("commit") == watcher.lines("plan") == []


def test_a_folder_with_somebody_s_work_is_refused_and_left_as_it_is(team: Team):
    before = sorted(team.work.rglob("*"))
    with pytest.raises(RefusedError, match="works in a folder of its own"), following(team, folder="work"):
        pass
    assert sorted(team.work.rglob("*")) == before


def test_a_folder_that_follows_another_remote_is_refused(team: Team, tmp_path: Path):
    with following(team) as watcher:
        watcher.round()
    other = Team(tmp_path / "other")
    other.folder = team.folder
    with pytest.raises(RefusedError, match=r"follows .*remote.git"), following(other):
        pass


def test_what_is_of_no_commit_is_not_applied(team: Team):
    with following(team) as watcher:
        watcher.round()
        (team.folder / "clone" / "manifests" / "stray.yml").write_text(ENVIRONMENT)
        team.tag("a")
        assert watcher.round().hold is Hold.REFUSED
        assert team.tags == {}
        assert "of no commit" in watcher.lines("held")[-1]


def test_an_edit_in_the_clone_is_put_back(team: Team):
    with following(team) as watcher:
        watcher.round()
        (team.folder / "clone" / "manifests" / "endpoint.yml").write_text("kind: nonsense\n")
        assert watcher.round().hold is None
        assert "auth_mode" in (team.folder / "clone" / "manifests" / "endpoint.yml").read_text()


def test_each_step_of_a_long_apply_is_a_sign_of_life(team: Team):
    """Of two that take a while each: all in all longer than one may."""
    team.write("manifests/sklearn.yml", ENVIRONMENT)
    team.push("environment")
    ailments: list[str] = []
    with following(team, step_timeout_s=1000.0, parallel=1) as watcher:

        def start(_step: object) -> None:
            watcher.clock["now"] += 900
            ailments.append(ailment(watcher.watcher.sight, watcher.clock["now"]))

        watcher.watcher._world = replace(watcher.watcher._world, manner=Manner(watch=lambda _plan: Told(start)))
        assert watcher.round().hold is None
    assert ailments == ["", ""]
