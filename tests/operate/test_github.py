"""Reports on GitHub: one comment, one issue, one's own alone; and an API that has no time, or answers that are lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from reconciler.errors import MlopsError, ProviderError, RefusedError
from reconciler.operate.github import ForbiddenError, GitHub, github
from reconciler.operate.sticking import close_issue, marked, open_issue, pull_request, reviewed, stick_comment
from reconciler.render.marker import Marker
from tests.github_api import LONGEST, Hub, Instead, serving

BOT = "github-actions[bot]"
PLAN = Marker("plan", "prod", "ab" * 32)
DRIFT = Marker("drift", "prod")
REPORT = f"{PLAN}\n## Plan\n\nNo changes.\n"
LIMITED = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as served:
        yield served


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def job(hub: Hub, waits: list[float]) -> GitHub:
    """A job whose token may write."""
    return client(hub, waits, hub.token(BOT, issues="write", pulls="write"))


def client(hub: Hub, waits: list[float], token: str, **more: float) -> GitHub:
    return github(hub.environ(token), wait=waits.append, now=lambda: 1000.0, **more)


# The comment.


def test_the_first_report_makes_a_comment_and_the_next_brings_it_up_to_date(hub: Hub, job: GitHub):
    number = hub.pull()
    assert stick_comment(job, number, PLAN, REPORT).done == "created"
    later = Marker("plan", "prod", "cd" * 32)
    assert stick_comment(job, number, later, f"{later}\nmore").done == "updated"
    assert hub.bodies(number) == [f"{later}\nmore"]


def test_a_report_that_is_there_already_is_written_no_second_time(hub: Hub, job: GitHub):
    number = hub.pull()
    hub.comment(number, BOT, REPORT.replace("\n", "\r\n").rstrip())
    assert stick_comment(job, number, PLAN, REPORT).done == "unchanged"
    assert hub.writes() == []


def test_the_comment_is_found_behind_many_others(hub: Hub, job: GitHub):
    number = hub.pull()
    for each in range(250):
        hub.comment(number, "ana", f"comment {each}")
    hub.comment(number, BOT, f"{PLAN}\nold")
    assert stick_comment(job, number, PLAN, REPORT).done == "updated"
    assert len(hub.bodies(number)) == 251


@pytest.mark.parametrize("stranger", ["eve", "github-actions", "other-app[bot]"])
def test_what_a_stranger_marks_is_neither_believed_nor_touched(hub: Hub, job: GitHub, stranger: str):
    number = hub.pull()
    hub.comment(number, stranger, f"{PLAN}\nNo changes, all is well, merge me.")
    assert stick_comment(job, number, PLAN, REPORT).done == "created"
    assert hub.bodies(number) == [f"{PLAN}\nNo changes, all is well, merge me.", REPORT]


def test_reports_of_other_targets_have_comments_of_their_own(hub: Hub, job: GitHub):
    number, other = hub.pull(), Marker("plan", "prod-2")
    stick_comment(job, number, other, f"{other}\nx")
    assert stick_comment(job, number, PLAN, REPORT).done == "created"
    assert len(hub.bodies(number)) == 2


def test_two_jobs_at_once_leave_one_comment(hub: Hub, waits: list[float]):
    number, gate = hub.pull(), Barrier(2)
    token = hub.token(BOT, pulls="write")

    def run(words: str) -> None:
        mine = client(hub, waits, token)
        mine.viewer()
        gate.wait()
        stick_comment(mine, number, PLAN, f"{PLAN}\n{words}")

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, ["first", "second"]))
        assert len(hub.bodies(number)) == 1
        hub.comments.clear()


def test_of_two_comments_of_a_race_the_younger_goes_and_the_elder_has_the_report(hub: Hub, job: GitHub):
    number = hub.pull()
    elder = hub.comment(number, BOT, f"{PLAN}\nof another job")
    moved = hub.comments.pop(elder)

    def meanwhile(asked: str) -> None:
        if asked.startswith("GET"):
            hub.comments.setdefault(elder, moved)

    hub.meanwhile = meanwhile
    stick_comment(job, number, PLAN, REPORT)
    assert {made: each["body"] for made, each in hub.comments.items()} == {elder: REPORT}


def test_a_comment_that_another_job_was_faster_to_remove_is_gone_all_the_same(hub: Hub, job: GitHub):
    number = hub.pull()
    hub.comment(number, BOT, REPORT)
    hub.comment(number, BOT, REPORT)
    hub.instead.append(Instead("DELETE", 404, {"message": "Not Found"}, after=True))
    assert stick_comment(job, number, PLAN, REPORT).done == "unchanged"
    assert hub.bodies(number) == [REPORT]


@pytest.mark.parametrize(("size", "fits"), [(LONGEST, True), (LONGEST + 1, False)])
def test_a_report_has_as_many_characters_as_github_takes(hub: Hub, job: GitHub, size: int, *, fits: bool):
    text = f"{PLAN}\n".ljust(size, "ä")
    if fits:
        assert stick_comment(job, hub.pull(), *marked(text)).done == "created"
    else:
        with pytest.raises(MlopsError, match="has 65537 characters, and GitHub takes 65536"):
            marked(text)


def test_a_file_without_a_marker_gets_one_by_the_name_that_is_given():
    assert marked("hello", "lint") == (Marker("lint", ""), "<!-- mlops:lint target= -->\nhello")
    with pytest.raises(MlopsError, match="begins with no hidden marker"):
        marked("hello")


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"pull_request": {"number": 7}}, 7),
        ({"issue": {"number": 7, "pull_request": {}}}, None),
        ({"issue": {"number": 7, "pull_request": {"url": "…"}}}, 7),
        ({"issue": {"number": 7}}, None),
        ({"ref": "refs/heads/main"}, None),
        ({"pull_request": None}, None),
        ({"pull_request": {"number": "7; rm"}}, None),
    ],
)
def test_an_event_is_about_a_pull_request_or_not(event: dict, number: int | None):
    assert pull_request(event) == number


# The issue.


def told(job: GitHub, text: str = "drifted", title: str = "Drift in prod") -> str:
    return open_issue(job, DRIFT, f"{DRIFT}\n{text}", title=title, labels=("drift",)).done


def test_drift_has_one_issue_while_it_lasts_which_closes_and_a_new_one_when_it_comes_back(hub: Hub, job: GitHub):
    assert [told(job), told(job), told(job, "more"), told(job, "more", "Much drift")] == [
        "created",
        "unchanged",
        "updated",
        "updated",
    ]
    [issue] = hub.issues.values()
    assert (issue["title"], issue["body"], issue["labels"]) == ("Much drift", f"{DRIFT}\nmore", [{"name": "drift"}])
    assert close_issue(job, DRIFT, f"{DRIFT}\ngone").done == "closed"
    assert (issue["state"], hub.bodies(issue["number"])) == ("closed", [f"{DRIFT}\ngone"])
    assert close_issue(job, DRIFT, f"{DRIFT}\ngone").done == ""
    assert told(job) == "created"
    assert [each["state"] for each in hub.issues.values()] == ["closed", "open"]


def test_issues_of_others_and_pull_requests_are_let_be(hub: Hub, job: GitHub):
    hub.issue("eve", "Drift in prod", f"{DRIFT}\nclose me")
    hub.issue(BOT, "A pull request of the bot's", f"{DRIFT}\nx", pull_request={"url": "…"})
    assert close_issue(job, DRIFT, f"{DRIFT}\ngone").done == ""
    assert told(job) == "created"
    assert [each["state"] for each in hub.issues.values()] == ["open"] * 3


def test_of_two_issues_of_a_race_the_elder_stays(hub: Hub, job: GitHub):
    for _ in range(2):
        hub.issue(BOT, "Drift in prod", f"{DRIFT}\ndrifted")
    assert told(job) == "unchanged"
    assert [(each["state"], each.get("state_reason")) for each in hub.issues.values()] == [
        ("open", None),
        ("closed", "not_planned"),
    ]


# What was reviewed.


def test_the_digest_of_the_plan_that_was_shown_is_read_from_ones_own_comment(hub: Hub, job: GitHub):
    number, sha = hub.pull(merged_as="c0ffee"), "c0ffee"
    hub.comment(number, "eve", f"{Marker('plan', 'prod', 'ee' * 32)}\nx")
    assert reviewed(job, sha, "plan", "prod") == ""
    hub.comment(number, BOT, REPORT)
    assert reviewed(job, sha, "plan", "prod") == PLAN.digest
    assert reviewed(job, sha, "plan", "dev") == ""


def test_a_commit_that_no_pull_request_was_merged_as_was_reviewed_by_nobody(hub: Hub, job: GitHub):
    hub.commits["c0ffee"] = [{"number": hub.pull(), "merged_at": None, "merge_commit_sha": "c0ffee"}]
    with pytest.raises(MlopsError, match="commit c0ffee was merged by no pull request"):
        reviewed(job, "c0ffee", "plan", "prod")


# An API that has no time.


@pytest.mark.parametrize(
    ("instead", "waited"),
    [
        (Instead("GET", 503, {"message": "Unavailable"}), [1.0]),
        (Instead("GET", 0), [1.0]),
        (Instead("GET", 429, {"message": "wait"}, {"Retry-After": "7"}), [7.0]),
        (Instead("GET", 403, LIMITED, {"Retry-After": "9"}), [9.0]),
        (Instead("GET", 403, LIMITED), [60.0]),
        (Instead("GET", 429, None, {"Retry-After": "nan"}), [60.0]),
        (Instead("GET", 403, None, {"X-RateLimit-Remaining": "0"}), [60.0]),
        (
            Instead(
                "GET",
                403,
                {"message": "API rate limit exceeded"},
                {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1030"},
            ),
            [30.0],
        ),
        (Instead("PATCH", 502), [1.0]),
        (Instead("POST /repos", 403, LIMITED, {"Retry-After": "3"}), [3.0]),
    ],
    ids=[
        "503",
        "lost",
        "429",
        "secondary",
        "secondary without a word",
        "no number",
        "no reset",
        "primary",
        "a change",
        "a creation",
    ],
)
def test_what_passes_is_waited_for_as_long_as_it_asks(
    hub: Hub, job: GitHub, waits: list, instead: Instead, waited: list
):
    number = hub.pull()
    if instead.when == "PATCH":
        hub.comment(number, BOT, f"{PLAN}\nold")
    hub.instead.append(instead)
    stick_comment(job, number, PLAN, REPORT)
    assert (hub.bodies(number), waits) == ([REPORT], waited)


@pytest.mark.parametrize("status", [0, 500, 502])
@pytest.mark.parametrize("after", [True, False])
def test_a_creation_whose_answer_was_lost_is_looked_for_and_not_doubled(
    hub: Hub, job: GitHub, status: int, *, after: bool
):
    number = hub.pull()
    hub.instead.append(Instead("POST /repos", status, after=after))
    stick_comment(job, number, PLAN, REPORT)
    assert hub.bodies(number) == [REPORT]


def test_an_api_that_is_gone_is_given_up(hub: Hub, job: GitHub, waits: list[float]):
    hub.instead += [Instead("GET", 503, {"message": "Unavailable"}) for _ in range(9)]
    with pytest.raises(ProviderError, match="503: Unavailable"):
        stick_comment(job, hub.pull(), PLAN, REPORT)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_wait_that_is_longer_than_patience_is_not_begun(hub: Hub, job: GitHub, waits: list[float]):
    hub.instead.append(Instead("GET", 429, {"message": "later"}, {"Retry-After": "3600"}))
    with pytest.raises(ProviderError, match="asks to wait 3600 seconds, and 300 are left"):
        stick_comment(job, hub.pull(), PLAN, REPORT)
    assert waits == []


# Tokens.


def test_a_token_that_can_read_alone_is_told_apart(hub: Hub, waits: list[float]):
    with pytest.raises(ForbiddenError, match="403: Resource not accessible by integration"):
        stick_comment(client(hub, waits, hub.token(BOT)), hub.pull(), PLAN, REPORT)
    assert waits == []


@pytest.mark.parametrize(
    "fail",
    [
        Instead("GET", 301, None, {"Location": "http://127.0.0.1:1/elsewhere"}),
        Instead("GET", 200, [], {"Link": '<http://127.0.0.2:1/x>; rel="next"'}),
        Instead("GET", 401, {"message": "Bad credentials"}),
        Instead("GET", 422, {"message": "Validation Failed", "errors": [{"code": "custom", "message": "no"}, "why"]}),
        Instead("GET", 200, {"not": "a list"}),
        Instead("GET", 200, ["x"]),
        Instead("POST /graphql", 200, {"errors": [{"message": "x"}]}),
        Instead("POST /graphql", 200, ["x"]),
        Instead("POST /graphql", 200, {"data": {"viewer": "x"}}),
    ],
    ids=["redirected", "a page elsewhere", "not valid", "422", "no list", "no things", "nobody", "a list", "a word"],
)
def test_no_failure_shows_the_token_nor_takes_it_elsewhere(hub: Hub, job: GitHub, fail: Instead):
    hub.instead.append(fail)
    with pytest.raises(ProviderError) as failed:
        stick_comment(job, hub.pull(), PLAN, REPORT)
    assert job.token not in f"{failed.value!r} {failed.value} {failed.value.__cause__!r} {job!r}"


def environment(**more: str) -> Callable[[], GitHub]:
    found = {"GITHUB_REPOSITORY": "team/models", "GITHUB_TOKEN": "t", **more}
    return lambda: github(found)


@pytest.mark.parametrize(
    ("environ", "error", "words"),
    [
        ({"MLOPS_OFFLINE": "1"}, RefusedError, "MLOPS_OFFLINE is set"),
        ({"GITHUB_TOKEN": " "}, MlopsError, "there is no token"),
        ({"GITHUB_REPOSITORY": "team/models/../other"}, MlopsError, "names no repository"),
        ({"GITHUB_REPOSITORY": ""}, MlopsError, "names no repository"),
        ({"GITHUB_API_URL": "http://ghe.example/api/v3"}, RefusedError, "by https alone"),
        ({"GITHUB_API_URL": "file:///etc/passwd"}, RefusedError, "by https alone"),
    ],
)
def test_what_the_environment_lacks_or_forbids_is_told(environ: dict[str, str], error: type, words: str):
    with pytest.raises(error, match=words):
        environment(**environ)()


def test_an_enterprise_server_has_its_other_api_beside_the_first():
    made = environment(GITHUB_API_URL="https://ghe.example/api/v3/", GH_TOKEN="other")()
    assert (made.api, made.graphql, made.token) == (
        "https://ghe.example/api/v3",
        "https://ghe.example/api/graphql",
        "t",
    )
