"""What the operator forbids stays undone, whatever is pushed; what the operator allows is done."""

from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from followed import ENDPOINT, ENVIRONMENT, MLOPS, SCHEMAS, Team, following, git

from reconciler.apply import utc_now
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.errors import ManifestError, ProviderError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.store import Origin, Run
from reconciler.watch.deciding import Hold
from reconciler.watch.kept import Suspension
from reconciler.watch.settings import SelfHeal
from reconciler.watch.telling import line_of
from reconciler.watch.windows import Window, Windows
from reconciler.workspace import Workspace, holder

Fail = Callable[[bool], None]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Has every update of the platform fail, or none."""
    real, fails = MemoryProvider.update, {"now": False}

    def update(self: MemoryProvider, step: Step, operation: Operation) -> None:
        if fails["now"]:
            raise ProviderError("it says no")
        real(self, step, operation)

    monkeypatch.setattr(MemoryProvider, "update", update)
    return lambda whether: fails.update(now=whether)


def environments(team: Team, count: int) -> None:
    for number in range(count):
        team.write(f"manifests/e{number}.yml", ENVIRONMENT.replace("sklearn", f"e{number}"))


def test_more_deletions_than_the_budget_are_refused_and_told_once(team: Team):
    environments(team, 7)
    team.push("seven")
    with following(team) as watcher:
        watcher.round()
        for number in range(7):
            (team.work / f"manifests/e{number}.yml").unlink()
        team.write("mlops.yaml", MLOPS.replace("default: true", "default: true, max_delete: 1000"))
        team.push("none, and a pusher's own budget")
        assert [watcher.round().hold for _ in range(3)] == [Hold.REFUSED] * 3
        assert len(team.live()) == 8
        (line,) = watcher.lines("held")
        assert "E-DELETE-BUDGET: 7 resources would be deleted, 5 may be" in line


def test_a_pusher_can_lower_the_budget_and_not_raise_it(team: Team):
    environments(team, 3)
    team.push("three")
    with following(team, max_delete=1) as watcher:
        watcher.round()
        for number in range(2):
            (team.work / f"manifests/e{number}.yml").unlink()
        team.write("mlops.yaml", MLOPS.replace("default: true", "default: true, max_delete: 1000"))
        team.push("two fewer")
        assert watcher.round().hold is Hold.REFUSED
    with following(team, max_delete=2) as watcher:
        assert watcher.round().hold is None
        (team.work / "manifests/e2.yml").unlink()
        team.write("mlops.yaml", MLOPS.replace("default: true", "default: true, max_delete: 0"))
        team.push("another")
        assert watcher.round().hold is Hold.REFUSED


def test_the_operator_protects_what_mlops_yaml_does_not(team: Team):
    team.write("manifests/sklearn.yml", ENVIRONMENT)
    team.push("environment")
    with following(team, protect=("environment/sklearn:1",)) as watcher:
        watcher.round()
        (team.work / "manifests/sklearn.yml").unlink()
        team.push("none")
        assert watcher.round().hold is Hold.REFUSED
        assert "E-PROTECTED" in watcher.lines("held")[-1]


def test_the_operator_s_own_mlops_yaml_counts_in_place_of_the_pushed_one(team: Team, tmp_path: Path):
    own = tmp_path / "operator.yaml"
    own.write_text(f"manifests: manifests\ntargets:\n  prod: {{provider: memory, file: {tmp_path}/own.jsonl}}\n")
    team.write("mlops.yaml", "targets: {prod: {provider: nobody-knows}}\n")
    team.push("elsewhere")
    with following(team, config=str(own)) as watcher:
        assert watcher.round().hold is None
    assert (tmp_path / "own.jsonl").exists()
    assert not (tmp_path / "live.jsonl").exists()


def test_policies_of_the_operator_count_in_place_of_those_that_are_pushed(team: Team, tmp_path: Path):
    policy = (
        "name: no-tags\nover: step\ndeny_if: command == 'apply' && size(step.after.tags) > 0\nmessage: no tags here\n"
    )
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "tags.yaml").write_text(policy)
    team.write("policies/tags.yaml", policy.replace("> 0", "> 99"))
    team.push("policies")
    with following(team, policies=str(tmp_path / "policies")) as watcher:
        assert watcher.round().hold is None, watcher.said
        team.tag("a")
        assert watcher.round().hold is Hold.REFUSED
        assert "no tags here" in watcher.lines("held")[-1]
    assert team.tags == {}


def test_without_self_heal_drift_is_told_once_and_stays_until_the_next_commit(team: Team):
    with following(team) as watcher:
        watcher.round()
        team.behind_our_back("endpoint/credit", tags={"by": "hand"})
        assert [watcher.round().hold for _ in range(3)] == [Hold.DRIFT] * 3
        assert watcher.lines("drift") == ["drift: endpoint/credit"]
        assert (team.tags, watcher.watcher.sight.drift) == ({"by": "hand"}, 1)
        team.tag("a")
        watcher.round()
        assert (team.tags, watcher.watcher.sight.drift) == ({"team": "a"}, 0)


def test_with_self_heal_a_live_edit_is_brought_back(team: Team):
    with following(team, self_heal=SelfHeal(True)) as watcher:
        watcher.round()
        team.behind_our_back("endpoint/credit", tags={"by": "hand"})
        watcher.round()
        assert team.tags == {}
        assert watcher.round().hold is None


def test_of_two_endpoints_one_is_brought_back(team: Team):
    team.write("manifests/risk.yml", ENDPOINT.replace("credit", "risk"))
    team.push("risk")
    with following(team, self_heal=SelfHeal(True, {"risk": False})) as watcher:
        watcher.round()
        for name in ("credit", "risk"):
            team.behind_our_back(f"endpoint/{name}", tags={"by": "hand"})
        watcher.round()
        live = team.live()
        assert (live["endpoint/credit"]["tags"], live["endpoint/risk"]["tags"]) == ({}, {"by": "hand"})
        assert watcher.round().hold is Hold.DRIFT


def test_a_commit_whose_apply_failed_is_not_tried_again_by_itself(team: Team, failing: Fail):
    with following(team) as watcher:
        watcher.round()
        commit = team.tag("a")
        failing(True)
        assert watcher.round().failed
        failing(False)
        assert [watcher.round().hold for _ in range(3)] == [Hold.FAILED] * 3
        assert team.tags == {}
        (line,) = watcher.lines("held")
        assert line.startswith(f"commit {commit[:12]} is held: its apply failed; ")
        assert watcher.watcher.sight.failed_applies == 1


@pytest.mark.parametrize("moved", ["commit", "variables", "live", "asked"])
def test_a_failed_commit_is_tried_again_when_anything_moved_or_an_operator_asks(team: Team, failing: Fail, moved: str):
    team.write("manifests/endpoint.yml", ENDPOINT + "description: '{{WHO}}'\n")
    team.push("described")
    with following(team, variables={"WHO": "ada"}) as watcher:
        watcher.round()
        team.write("manifests/endpoint.yml", ENDPOINT + "description: '{{WHO}}'\ntags: {team: a}\n")
        team.push("tagged")
        failing(True)
        watcher.round()
        assert watcher.round().hold is Hold.FAILED
        failing(False)
        if moved == "commit":
            team.push("another try")
        if moved == "live":
            team.behind_our_back("endpoint/credit", tags={"by": "hand"})
        if moved != "variables":
            assert watcher.round(asked=moved == "asked").hold is None
    if moved == "variables":
        with following(team, variables={"WHO": "ben"}) as watcher:
            assert watcher.round().hold is None
    assert team.tags == {"team": "a"}


def test_the_one_try_is_remembered_over_a_restart(team: Team, failing: Fail):
    with following(team) as watcher:
        watcher.round()
        team.tag("a")
        failing(True)
        watcher.round()
    failing(False)
    with following(team) as watcher:
        assert watcher.round().hold is Hold.FAILED
    assert team.tags == {}


def test_another_watcher_of_the_record_learns_of_the_try_from_it(team: Team, failing: Fail):
    team.write("mlops.yaml", MLOPS.replace("default", "state: ../state.db, default"))
    team.push("a record for both")
    with following(team) as watcher:
        watcher.round()
        team.tag("a")
        failing(True)
        watcher.round()
    failing(False)
    with following(team, folder="another") as watcher:
        assert watcher.round().hold is Hold.FAILED


def test_outside_of_its_windows_nothing_is_applied_and_inside_it_is(team: Team):
    utc = UTC
    with following(team) as watcher:
        watcher.round()
    team.tag("a")
    shut = Windows(deny=(Window("* * * * *", timedelta(hours=1), utc, "freeze"),))
    with following(team, windows=shut, self_heal=SelfHeal(True)) as watcher:
        assert watcher.round().hold is Hold.WINDOW
        assert "freeze" in watcher.lines("held")[-1]
        assert team.tags == {}
    with following(team, windows=Windows(allow=(Window("* * * * *", timedelta(hours=1), utc),))) as watcher:
        assert watcher.round().hold is None
    assert team.tags == {"team": "a"}


def test_a_suspended_watcher_changes_nothing_over_a_restart_and_says_by_whom_and_why(team: Team):
    with following(team) as watcher:
        watcher.round()
        watcher.folder.kept.suspend(Suspension("ada@desk", "2026-06-01T12:00:00", "the database moves"))
        team.tag("a")
        assert watcher.round().hold is Hold.SUSPENDED
    with following(team) as watcher:
        assert watcher.round().hold is Hold.SUSPENDED
        assert watcher.lines("held") == ["suspended by ada@desk since 2026-06-01T12:00:00: the database moves"]
        assert watcher.watcher.sight.suspended
        assert team.tags == {}
        watcher.folder.kept.resume()
        assert watcher.round().hold is None
    assert team.tags == {"team": "a"}


def test_a_branch_whose_history_was_rewritten_is_not_followed_until_an_operator_asks(team: Team):
    with following(team) as watcher:
        watcher.round()
        kept = team.tag("a")
        watcher.round()
        git(team.work, "reset", "-q", "--hard", "HEAD~1")
        team.tag("b")
        assert watcher.round().hold is Hold.REWRITTEN
        assert team.tags == {"team": "a"}
        assert f"{kept[:12]} stays in force" in watcher.lines("held")[-1]
        assert "--retry or SIGHUP follows it" in watcher.lines("held")[-1]
        assert watcher.round(asked=True).hold is None
    assert team.tags == {"team": "b"}


def test_while_the_head_is_refused_the_former_commit_is_still_brought_back(team: Team):
    with following(team, self_heal=SelfHeal(True)) as watcher:
        watcher.round()
        team.tag("a")
        watcher.round()
        git(team.work, "reset", "-q", "--hard", "HEAD~1")
        team.tag("b")
        team.behind_our_back("endpoint/credit", tags={"by": "hand"})
        assert watcher.round().hold is Hold.REWRITTEN
    assert team.tags == {"team": "a"}


def test_of_a_refused_head_and_drift_that_stays_each_is_told_once(team: Team):
    with following(team) as watcher:
        watcher.round()
        team.tag("a")
        watcher.round()
        git(team.work, "reset", "-q", "--hard", "HEAD~1")
        team.tag("b")
        team.behind_our_back("endpoint/credit", tags={"by": "hand"})
        assert [watcher.round().hold for _ in range(3)] == [Hold.REWRITTEN] * 3
        assert len(watcher.lines("held")) == 2


def test_rewritten_history_is_followed_where_the_operator_says_so(team: Team):
    with following(team, follow_rewritten=True) as watcher:
        watcher.round()
        team.tag("a")
        watcher.round()
        git(team.work, "reset", "-q", "--hard", "HEAD~1")
        team.tag("b")
        assert watcher.round().hold is None
    assert team.tags == {"team": "b"}


def rolled_back(workspace: Workspace, *took_back: str) -> None:
    """What a person's rollback leaves in the record."""
    store = workspace.store
    with store.lock(holder("mlops rollback", utc_now()), timeout_s=0):
        store.begin_run(Run("r1", "mlops rollback", "dev", utc_now(), origin=Origin(took_back=took_back)))
        store.end_run("r1", "succeeded", utc_now())


def test_what_a_person_rolled_back_stays_so_until_a_new_commit_comes(team: Team):
    with following(team, self_heal=SelfHeal(True)) as watcher:
        watcher.round()
        team.tag("bad")
        watcher.round()
        with watcher.folder.opened() as workspace:
            rolled_back(workspace)
        team.behind_our_back("endpoint/credit", tags={})
        assert [watcher.round().hold for _ in range(2)] == [Hold.UNDONE] * 2
    with following(team, self_heal=SelfHeal(True)) as watcher:
        assert watcher.round().hold is Hold.UNDONE
        assert team.tags == {}
        team.tag("good")
        assert watcher.round().hold is None
        assert team.tags == {"team": "good"}
        assert watcher.round().hold is None


def test_what_was_applied_and_rolled_back_while_it_was_away_stays_so_too(team: Team):
    with following(team) as watcher:
        watcher.round()
        commit = team.tag("bad")
        with watcher.folder.opened() as workspace:
            rolled_back(workspace, commit)
    with following(team) as watcher:
        assert watcher.round().hold is Hold.UNDONE
    assert team.tags == {}


def test_an_operator_may_ask_for_what_was_rolled_back(team: Team):
    with following(team) as watcher:
        watcher.round()
        team.tag("bad")
        watcher.round()
        with watcher.folder.opened() as workspace:
            rolled_back(workspace)
        team.behind_our_back("endpoint/credit", tags={})
        watcher.round()
        watcher.round(asked=True)
    assert team.tags == {"team": "bad"}


def test_while_a_person_applies_the_watcher_waits_and_lays_no_other_files(team: Team):
    with following(team) as watcher:
        watcher.round()
        before = git(team.work, "rev-parse", "HEAD")
        with watcher.folder.opened() as workspace:
            store = workspace.store
            with store.lock(holder("mlops apply", utc_now()), timeout_s=0):
                team.tag("a")
                assert watcher.round().hold is Hold.BUSY
                assert git(team.folder / "clone", "rev-parse", "HEAD") == before
        assert watcher.round().hold is None
    assert team.tags == {"team": "a"}


def test_files_that_are_wrong_are_told_once_with_their_place_and_touch_nothing(team: Team):
    with following(team) as watcher:
        watcher.round()
        team.write("manifests/endpoint.yml", f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: 7\n")
        team.push("wrong")
        assert [watcher.round().hold for _ in range(2)] == [Hold.BROKEN] * 2
        (line,) = watcher.lines("held")
        assert "is refused: the files are wrong: manifests/endpoint.yml:" in line
        assert list(team.live()) == ["endpoint/credit"]


def test_of_wrong_files_the_first_mistake_is_told_and_how_many_more_there_are():
    warning, first, second = (Problem(f"{code[0]}.yml", 1, 1, code, "so") for code in ("W-IMAGE", "E-NAME", "E-TYPE"))
    assert line_of(ManifestError((warning, first))) == "the files are wrong: E.yml:1:1: E-NAME: so"
    assert line_of(ManifestError((warning, first, second))) == "the files are wrong: E.yml:1:1: E-NAME: so; and 1 more"


def test_no_manifests_at_all_delete_nothing_unless_the_operator_allows_it(team: Team):
    def emptied(**settings: Any) -> Hold | None:
        with following(team, **settings) as watcher:
            return watcher.round().hold

    assert emptied() is None
    (team.work / "manifests/endpoint.yml").unlink()
    team.write("manifests/readme.txt", "")
    team.push("nothing")
    assert emptied() is Hold.REFUSED
    assert list(team.live()) == ["endpoint/credit"]
    assert emptied(allow_empty=True) is None
    assert team.live() == {}


@pytest.mark.parametrize("name", [".mlops/watch/memory.json", ".mlops/state.db", ".MLOPS/x", ".mlops"])
def test_a_commit_with_files_where_the_record_lies_is_not_laid_out(team: Team, name: str):
    """They would replace the record, its key, and what is remembered; a link even takes all of it away."""
    with following(team) as watcher:
        watcher.round()
        private = team.folder / "clone" / ".mlops"
        key, memory = (private / "state.key").read_bytes(), watcher.memory
        path = team.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(team.folder) if name == ".mlops" else path.write_text("{}")
        git(team.work, "add", "--force", name)
        team.tag("evil")
        assert watcher.round().hold is Hold.REFUSED
        assert f"{name.partition('/')[0]} came with the repository" in watcher.lines("held")[-1]
        assert (private.is_symlink(), (private / "state.key").read_bytes()) == (False, key)
        assert watcher.memory.in_force == memory.in_force
        git(team.work, "rm", "-q", "--cached", "-r", name.partition("/")[0])
        path.unlink()
        team.tag("good")
        assert (watcher.round().hold, team.tags) == (None, {"team": "good"})
        assert "1 to update" in watcher.lines("plan")[-1]
