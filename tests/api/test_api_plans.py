"""A plan in Python is the command's, is done exactly or refused, and what does not succeed is an error."""

import gc
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api_world import failing, reroute, written

import reconciler
from reconciler.cli import checking, planning
from reconciler.cli.options import DriftReport, Report

COUNT = "deployment/credit/blue.instance_count"


def git(folder: Path, *words: str) -> None:
    nobody = {f"GIT_{who}_{what}": "ana@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **nobody, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, timeout=60)


@pytest.fixture
def committed(repo: Path) -> Path:
    """The same in git, in one commit."""
    (repo / ".gitignore").write_text("live.jsonl\nprod.jsonl\n")
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "one"]):
        git(repo, *words)
    return repo


def test_a_plan_reads_as_the_command_prints_it(committed: Path, capsys: pytest.CaptureFixture[str]):
    planning.plan(target="dev")
    assert capsys.readouterr().out == f"{reconciler.plan(target='dev')}\n"
    planning.plan(target="dev", form=Report.JSON)
    assert json.loads(capsys.readouterr().out) == reconciler.plan(target="dev").to_dict()


def test_drift_reads_as_the_command_prints_it(repo: Path, capsys: pytest.CaptureFixture[str]):
    reconciler.apply(target="dev")
    reroute(repo, "credit", blue=10)
    checking.drift(target="dev")
    assert capsys.readouterr().out == f"{reconciler.drift(target='dev')}\n"
    checking.drift(target="dev", form=DriftReport.JSON)
    found = reconciler.drift(target="dev")
    assert json.loads(capsys.readouterr().out) == found.to_dict()
    assert (found.has_drift, found.recorded) == (True, 2)


def other_files(repo: Path) -> None:
    file = repo / "manifests" / "blue.yml"
    file.write_text(file.read_text().replace("instance_count: 1", "instance_count: 2"))


def other_record(_repo: Path) -> None:
    reconciler.apply(target="dev", overrides={COUNT: 3})


def other_live(repo: Path) -> None:
    lines = [json.loads(line) for line in (repo / "live.jsonl").read_text().splitlines()]
    for line in lines:
        line["generation"] += 1
    (repo / "live.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("move", [other_files, other_record, other_live])
def test_a_plan_is_refused_once_anything_moved(repo: Path, move: Callable[[Path], None]):
    reconciler.apply(target="dev")
    plan = reconciler.plan(target="dev", overrides={COUNT: 5})
    move(repo)
    with pytest.raises(reconciler.StalePlanError, match="stale plan"):
        plan.apply()


def test_a_plan_is_done_as_it_was_made_with_all_its_options(repo: Path):
    plan = reconciler.plan(
        "manifests", target="dev", only=["deployment/credit/blue"], overrides={COUNT: 4}, max_delete=0, refresh=False
    )
    applied = plan.apply()
    assert applied.plan is plan
    assert [outcome.step for outcome in applied.outcomes] == list(plan.steps)
    assert not reconciler.plan(target="dev", overrides={COUNT: 4}, only=["deployment/credit/blue"]).has_changes
    [deployment] = reconciler.status(target="dev").endpoints[0].deployments
    assert deployment.wanted == 4


def test_without_the_cache_nothing_is_kept_and_with_it_the_same_is_told(repo: Path):
    def told(*, cache: bool) -> list[str]:
        plan, valid = reconciler.plan(target="dev", cache=cache), reconciler.validate(cache=cache)
        return [str(plan), plan.digest, str(valid), str(reconciler.drift(target="dev", cache=cache))]

    assert reconciler.apply(target="dev", cache=False).succeeded
    assert reconciler.plan(target="dev", cache=False, overrides={COUNT: 2}).apply().succeeded
    assert reconciler.apply(target="dev", cache=False).succeeded
    truth = told(cache=False)
    assert not (repo / ".mlops" / "cache").exists()
    assert told(cache=True) == told(cache=True) == truth
    assert (repo / ".mlops" / "cache").exists()


def test_what_a_plan_does_not_touch_is_looked_at_unless_the_refresh_is_minimal(repo: Path):
    reconciler.apply(target="dev")
    reroute(repo, "credit", blue=10)
    assert reconciler.plan(target="dev").drifts
    for git in (True, False):
        assert not reconciler.plan(target="dev", minimal_refresh=True, git=git).drifts
    assert not reconciler.apply(target="dev", minimal_refresh=True).plan.has_changes
    assert reconciler.apply(target="dev").plan.has_changes


@pytest.mark.parametrize("other", [{"refresh": False}, {"offline": True}, {"against": "HEAD"}])
def test_who_reads_nothing_of_the_live_side_reads_no_part_of_it(committed: Path, other: dict[str, object]):
    with pytest.raises(reconciler.MlopsError, match="minimal_refresh"):
        reconciler.plan(target="dev", minimal_refresh=True, **other)


def test_a_plan_outlives_a_change_of_the_current_folder(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plan = reconciler.plan("manifests", target="dev")
    other = written(tmp_path / "other")
    monkeypatch.chdir(other)
    assert plan.apply().succeeded
    assert (repo / "live.jsonl").exists()
    assert not (other / "live.jsonl").exists()


def test_a_plan_against_a_revision_is_not_applied(committed: Path):
    other_files(committed)
    plan = reconciler.plan(against="HEAD")
    assert [step.action for step in plan.steps] == [reconciler.Action.SCALE]
    with pytest.raises(reconciler.RefusedError, match="against HEAD"):
        plan.apply()


def test_an_environment_that_forbids_connections_has_plans_made_without(repo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_OFFLINE", "1")
    plan = reconciler.plan(target="dev")
    assert plan.to_dict()["offline"] is True
    with pytest.raises(reconciler.RefusedError, match="MLOPS_OFFLINE"):
        plan.apply()


def test_what_is_relative_counts_from_the_folder_that_is_given(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here = written(tmp_path / "here")
    monkeypatch.chdir(here)
    other_files(repo)
    plan = reconciler.plan("manifests", target="dev", cwd=repo)
    assert plan.digest == reconciler.plan(target="dev", cwd=repo / "manifests").digest
    [count] = [f.after for step in plan.steps for f in step.fields if f.path == "instance_count"]
    assert count == 2
    (repo / "manifests" / "blue.yml").rename(repo / "blue.yml")
    with pytest.raises(reconciler.ManifestError, match="is not there"):
        reconciler.plan("manifests/blue.yml", cwd=repo)
    with pytest.raises(reconciler.MlopsError, match="is no folder"):
        reconciler.plan(cwd=tmp_path / "nowhere")


def test_a_revision_is_of_the_repository_of_the_folder_that_is_given(
    committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    other_files(committed)
    plan = reconciler.plan("HEAD:manifests", cwd=committed)
    [count] = [f for step in plan.steps for f in step.fields if f.path == "code_configuration.scoring_script"]
    assert str(count.source).startswith("HEAD:manifests/blue.yml")
    assert plan.apply().succeeded
    assert [step.action for step in reconciler.plan(cwd=committed).steps] == ["scale"]


def test_outside_of_git_links_reach_as_far_as_the_folder_that_is_given(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (repo / "manifests" / "src").rename(repo / "src")
    (repo / "manifests" / "src").symlink_to(repo / "src")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert reconciler.apply("manifests", target="dev", cwd=repo).succeeded
    with pytest.raises(reconciler.ManifestError, match="E-LINK-OUT"):
        reconciler.plan(target="dev", cwd=repo / "manifests")


def test_a_step_that_failed_is_an_error_with_all_outcomes(repo: Path, monkeypatch: pytest.MonkeyPatch):
    failing(monkeypatch)
    with pytest.raises(reconciler.StepFailedError, match="a step failed") as raised:
        reconciler.apply(target="dev")
    results = {str(each.step.address): each.result for each in raised.value.outcomes if each.step.action == "create"}
    assert results == {"endpoint/credit": "succeeded", "deployment/credit/blue": "failed"}
    assert [run.outcome for run in reconciler.history()] == ["failed"]


def test_without_check_what_did_not_succeed_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch):
    failing(monkeypatch)
    applied = reconciler.plan(target="dev").apply(check=False)
    assert not applied.succeeded
    assert "no room for deployment/credit/blue" in str(applied)
    assert [outcome["result"] for outcome in applied.to_dict()["outcomes"]] == ["succeeded", "failed", "skipped"]


def test_a_run_that_is_stopped_finishes_its_step_and_is_an_error(repo: Path):
    stop = threading.Event()
    with pytest.raises(reconciler.InterruptedRunError) as raised:
        reconciler.apply(target="dev", stop=stop, parallel=1, on_outcome=lambda _: stop.set())
    assert [outcome.result for outcome in raised.value.outcomes] == ["succeeded", "skipped", "skipped"]
    assert [run.outcome for run in reconciler.history()] == ["interrupted"]
    assert reconciler.apply(target="dev").succeeded


def test_who_starts_and_who_ended_is_told_in_order_by_the_calling_thread(repo: Path):
    told: list[str] = []

    def note(word: str, step: reconciler.Step) -> None:
        told.append(f"{word} {step.action} {step.address} {threading.current_thread() is threading.main_thread()}")

    reconciler.apply(
        target="dev",
        parallel=1,
        only=["endpoint/credit"],
        on_start=lambda step: note("start", step),
        on_outcome=lambda outcome: note("end", outcome.step),
    )
    assert told[:2] == ["start create endpoint/credit True", "end create endpoint/credit True"]


def test_a_run_beside_another_one_is_refused_or_waits(repo: Path):
    with ThreadPoolExecutor(1) as pool:
        refused: list[BaseException | None] = []
        waiting = []

        def meanwhile(_step: reconciler.Step) -> None:
            if not waiting:
                refused.append(pool.submit(reconciler.apply, target="dev", cwd=repo).exception(60))
                waiting.append(pool.submit(reconciler.apply, target="dev", cwd=repo, lock_timeout=60))

        assert reconciler.apply(target="dev", on_start=meanwhile).succeeded
        assert isinstance(refused[0], reconciler.LockHeldError)
        assert re.search(
            "wait with lock_timeout=, .* or break its lock: `mlops state unlock .* --target dev", str(refused[0])
        )
        assert not waiting[0].result(60).plan.has_changes


def test_targets_and_repositories_at_once_do_not_meet(tmp_path: Path):
    folders = [written(tmp_path / str(number)) for number in range(4)]
    for number, folder in enumerate(folders):
        file = folder / "manifests" / "blue.yml"
        file.write_text(file.read_text().replace("instance_count: 1", f"instance_count: {number + 1}"))

    def work(job: tuple[int, str]) -> tuple[int, int | str | None]:
        number, target = job
        reconciler.plan("manifests", target=target, cwd=folders[number]).apply(lock_timeout=60)
        [endpoint] = reconciler.status(target=target, cwd=folders[number]).endpoints
        return number, endpoint.deployments[0].wanted

    jobs = [(number, target) for number in range(4) for target in ("dev", "prod")]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, jobs)) == [(number, number + 1) for number, _ in jobs]


def test_nothing_is_printed_and_neither_signals_nor_the_collector_are_touched(
    repo: Path, capsys: pytest.CaptureFixture[str]
):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    seen: list[object] = []
    reconciler.plan(target="dev").apply(on_outcome=lambda _: seen.append(signal.getsignal(signal.SIGINT)))
    reconciler.drift(target="dev")
    reconciler.destroy(target="dev")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert set(seen) == {before[0]}
    assert gc.isenabled()
    assert capsys.readouterr() == ("", "")


def test_who_is_asked_sees_the_plan_and_may_decline(repo: Path):
    seen: list[reconciler.Plan] = []

    def decline(plan: reconciler.Plan) -> bool:
        seen.append(plan)
        return False

    applied = reconciler.apply(target="dev", confirm=decline)
    assert (applied.declined, applied.succeeded, applied.outcomes, str(applied)) == (
        True,
        False,
        (),
        "Nothing was changed.",
    )
    assert [step.action for step in seen[0].steps] == ["create", "create", "route"]
    assert reconciler.history() == ()


def test_only_the_plan_of_a_digest_is_done(repo: Path):
    digest = reconciler.plan(target="dev").digest
    with pytest.raises(reconciler.StalePlanError):
        reconciler.apply(target="dev", overrides={COUNT: 2}, digest=digest)
    assert reconciler.apply(target="dev", digest=digest).succeeded


def test_a_saved_plan_is_the_command_s_and_the_command_s_is_ours(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = repo / "manifests" / "blue.yml"
    file.write_text(file.read_text() + "environment_variables: {WORD: '{{WORD}}'}\n")
    given = {"WORD": "striped"}
    reconciler.plan("manifests", target="prod", variables=given, max_delete=0).save("plan.json")
    assert "striped" not in (repo / "plan.json").read_text()
    assert planning.apply(saved=Path("plan.json"), variables=["WORD=striped"]) == 0
    files = ["manifests/endpoint.yml", "manifests/blue.yml"]
    planning.plan(files, target="dev", variables=["WORD=striped"], out=Path("files.json"))
    assert "Saved to files.json" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    with pytest.raises(reconciler.StalePlanError, match="give its variables= and overrides= again"):
        reconciler.apply(saved="files.json", variables={"WORD": "spotted"}, cwd=repo)
    applied = reconciler.apply(saved="files.json", variables=given, cwd=repo)
    assert [str(outcome.step.address) for outcome in applied.outcomes][:2] == [
        "endpoint/credit",
        "deployment/credit/blue",
    ]
    with pytest.raises(reconciler.StalePlanError, match="holds the plan"):
        reconciler.apply(saved="files.json", digest="0" * 64, cwd=repo)


def test_what_is_named_alone_is_destroyed_with_what_hangs_on_it(repo: Path):
    (repo / "manifests" / "risk.yml").write_text("$schema: model.schema.json\nname: risk\nversion: 1\npath: src\n")
    reconciler.apply(target="dev")
    with pytest.raises(reconciler.RefusedError, match="E-DELETE-TRAFFIC") as raised:
        reconciler.destroy("manifests/blue.yml", target="dev")
    assert raised.value.plan is not None
    assert str(reconciler.destroy(target="dev", only=["endpoint/credit"])) == "Destroy: 3 succeeded."
    assert [str(step.address) for step in reconciler.plan(target="dev").steps if step.action == "create"] == [
        "endpoint/credit",
        "deployment/credit/blue",
    ]


def test_a_rollback_goes_by_a_run_and_by_its_commit(committed: Path):
    reconciler.apply(target="dev")
    [first] = reconciler.history()
    other_files(committed)
    reconciler.apply(target="dev")
    assert [o.step.action for o in reconciler.rollback(target="dev", by="commit").outcomes] == ["scale"]
    assert reconciler.rollback(first.id, target="dev", by="record").outcomes == ()
    with pytest.raises(reconciler.MlopsError, match="record or commit"):
        reconciler.rollback(by="files")  # type: ignore[arg-type] - what is wrong is the point
    assert [run.command for run in reconciler.history()] == ["mlops rollback", "mlops apply", "mlops apply"]


def test_what_is_wrong_with_files_is_a_validation_and_of_a_plan_an_error(repo: Path):
    file = repo / "manifests" / "blue.yml"
    file.write_text(file.read_text().replace("instance_count: 1", "instance_count: none"))
    found = reconciler.validate()
    assert (found.valid, [problem.file for problem in found.problems]) == (False, ["manifests/blue.yml"])
    with pytest.raises(reconciler.ManifestError) as raised:
        reconciler.plan()
    assert raised.value.problems == found.problems
    (repo / "mlops.yaml").write_text("targets: 7\n")
    assert not reconciler.validate().valid


def test_files_of_another_folder_are_checked_by_its_settings(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(written(tmp_path / "here", "targets: 7\n"))
    assert reconciler.validate(target="prod", cwd=repo).resources == 2
    assert not reconciler.validate(target="prod").valid


def test_an_interrupt_in_the_calling_thread_ends_the_run_and_the_next_one_goes_on(repo: Path):
    def interrupt(_outcome: reconciler.Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconciler.apply(target="dev", parallel=1, on_outcome=interrupt)
    assert [run.outcome for run in reconciler.history()] == ["cut off"]
    assert [f"{o.step.action} {o.step.address}" for o in reconciler.apply(target="dev").outcomes] == [
        "create deployment/credit/blue",
        "route endpoint/credit",
    ]
