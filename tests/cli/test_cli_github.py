"""mlops github: what a job of Actions says of a pull request and of drift, with its environment alone."""

import json
from collections.abc import Iterator

import pytest
from command_line import Ran, Repository

from reconciler.render.marker import marker_of
from tests.github_api import Hub, Instead, serving

BOT = "github-actions[bot]"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as served:
        yield served


def job(hub: Hub, repo: Repository, *words: str, token: str, code: int = 0, event: object = None, **more: str) -> Ran:
    """Run a command as a job's step; nothing that it prints has the token."""
    repo.write("event.json", json.dumps(event or {}))
    environ = {**hub.environ(token), "GITHUB_EVENT_PATH": str(repo.folder / "event.json"), "GITHUB_ACTIONS": "true"}
    ran = repo.mlops("github", *words, code=code, **environ, **more)
    assert token not in ran.out + ran.err
    return ran


def test_a_plan_is_commented_reviewed_and_applied_by_its_digest(hub: Hub, repo: Repository):
    token, number = hub.token(BOT, pulls="write"), hub.pull(merged_as="c0ffee")
    repo.mlops("plan", "--report", "markdown=plan.md")
    event = {"pull_request": {"number": number}}
    said = job(hub, repo, "comment", "plan.md", token=token, event=event).out
    assert said == f"Comment of #{number}: created https://github.com/team/models/issues/{number}#issuecomment-1002.\n"
    assert "unchanged" in job(hub, repo, "comment", "plan.md", token=token, event=event).out
    assert hub.bodies(number) == [repo.read("plan.md")]
    shown = marker_of(repo.read("plan.md"))
    assert shown
    digest = job(hub, repo, "reviewed", "--target", "dev", token=token, GITHUB_SHA="c0ffee").out
    assert digest == f"{shown.digest}\n"
    assert (
        "shows no plan of target prod"
        in job(hub, repo, "reviewed", "-t", "prod", "--commit", "c0ffee", token=token, code=1).err
    )


def test_drift_is_an_issue_that_opens_and_closes_by_itself(hub: Hub, applied: Repository):
    token = hub.token(BOT, issues="write")
    applied.behind_our_back("deployment/credit/blue", instance_count=5)
    applied.mlops("drift", "--report", "markdown=drift.md")
    words = ["issue", "drift.md", "--title", "Drift in dev"]
    assert "Issue: created" in job(hub, applied, *words, "--label", "drift", "--state", "open", token=token).out
    applied.mlops("apply", "--auto-approve")
    applied.mlops("drift", "--report", "markdown=drift.md")
    assert "Issue: closed" in job(hub, applied, *words, "--state", "close", token=token).out
    assert "there is none to close" in job(hub, applied, *words, "--state", "close", token=token).out
    [issue] = hub.issues.values()
    assert (issue["state"], issue["labels"]) == ("closed", [{"name": "drift"}])


def test_an_event_of_no_pull_request_gets_no_comment(hub: Hub, repo: Repository):
    repo.mlops("plan", "--report", "markdown=plan.md")
    said = job(hub, repo, "comment", "plan.md", token=hub.token(BOT), event={"ref": "refs/heads/main"})
    assert (said.out, hub.asked) == ("No comment: the event is about no pull request.\n", [])


def test_the_token_of_a_fork_is_told_plainly(hub: Hub, repo: Repository):
    repo.mlops("plan", "--report", "markdown=plan.md")
    token, event = hub.token(BOT), {"pull_request": {"number": hub.pull()}}
    words = ["comment", "plan.md"]
    told = "mlops: the token may not write here, as that of a fork's pull request may not"
    assert job(hub, repo, *words, token=token, event=event, code=1).err.startswith(told)
    assert job(hub, repo, *words, "--optional", token=token, event=event).err.startswith(told)


def test_nothing_is_asked_offline(hub: Hub, repo: Repository):
    repo.mlops("plan", "--report", "markdown=plan.md")
    words = ["comment", "plan.md", "--pull-request", "1"]
    assert "MLOPS_OFFLINE is set" in job(hub, repo, *words, token=hub.token(BOT), code=4, MLOPS_OFFLINE="1").err
    assert hub.asked == []


@pytest.mark.parametrize("text", ["", "no marker", "<!-- mlops:plan target=dev -->".ljust(65_537)])
def test_a_file_that_is_no_report_or_too_long_is_refused_before_anything_is_asked(
    hub: Hub, repo: Repository, text: str
):
    repo.write("plan.md", text)
    job(hub, repo, "comment", "plan.md", "--pull-request", "1", token=hub.token(BOT), code=1)
    assert hub.asked == []


def test_hostile_words_of_an_answer_act_nowhere_and_no_traceback_shows_the_token(hub: Hub, repo: Repository):
    repo.mlops("plan", "--report", "markdown=plan.md")
    hub.instead.append(Instead("GET", 422, {"message": "::error::\x1b[31mx\n::add-mask::y"}))
    words = ["comment", "plan.md", "--pull-request", "1", "--debug"]
    said = job(hub, repo, *words, token=hub.token(BOT, pulls="write"), code=1).err
    assert "\x1b" not in said
    assert not [line for line in said.splitlines() if line.startswith("::")]
