"""A fork's pull request gets nothing: no secret, no write, no comment, no runner of the team's; and runs nothing."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.github_api import Hub
from tests.runner.hub import Project, clone, commit
from tests.runner.runs import Run, Service
from tests.runner.world import Team, team
from tests.secrets_sought import held

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
SETTINGS = "targets:\n  prod: {provider: memory, state: RECORD}\n"
FILES = {"endpoint.yml": f"{SCHEMA}name: credit\n"}
GIVEN = {"plan": "target: prod, online: true, runner: own"}
SECRETS = {"PGPASSWORD": "canary-of-postgres-41", "MLOPS_STATE_KEY": "canary-of-state-97"}
COMMAND = re.compile(r"^\s*::|##[A-Za-z]*\[", re.MULTILINE)
# A span of code in Markdown: as many backticks as it began with end it.
CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
# What a runner, Markdown, HTML, a terminal or a shell would obey.
EVIL = "::add-mask::a ##[error]x <img src=x onerror=alert(1)> `|` @team [x](http://x) $(touch ran) \\x1b[2J"


@pytest.fixture
def shop(service: Service, api: Hub, tmp_path: Path) -> Team:
    """A team with secrets, whose own pull requests are planned online."""
    settings = SETTINGS.replace("RECORD", str(tmp_path / "record" / "state.db"))
    made = team(service, api, tmp_path, {"mlops.yaml": settings, **FILES}, **GIVEN)
    made.project.secrets.update(SECRETS)
    return made


@pytest.fixture
def fork(shop: Team, tmp_path: Path) -> tuple[Project, Path]:
    """Mallory's fork, and a working copy of it."""
    project = shop.service.hub.create("mallory/models", fork_of=shop.project)
    return project, clone(project, tmp_path / "mallory")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Whoever is waited for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def nobody_came(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def proposed(shop: Team, fork: Project, branch: str) -> tuple[int, Run]:
    pull = shop.service.hub.pull(shop.project, branch, head=fork, title=EVIL, user="mallory")
    return pull.number, shop.planned(pull)


def gets_nothing(shop: Team, number: int, run: Run) -> None:
    """Whatever was tried, nothing was told, written, masked or run, and nobody's runner was lent."""
    plan = run.jobs["mlops / plan"]
    assert (plan.runner, run.jobs["mlops / comment"].result) == ("ubuntu-24.04", "skipped")
    assert (shop.api.bodies(number), shop.api.writes()) == ([], [])
    shown = f"{run.log}\n{plan.summary}"
    assert held(SECRETS, shown.encode()) == []
    assert [command for command in plan.obeyed if command.name not in ("error", "warning", "notice")] == []
    assert not (shop.service.machine.folder / "own").exists()


def test_hostile_text_is_shown_and_not_obeyed_and_nothing_is_run(
    shop: Team, fork: tuple[Project, Path], listener: socket.socket, tmp_path: Path
):
    project, working = fork
    ran = tmp_path / "ran"
    evil = f"import pathlib, socket\npathlib.Path({str(ran)!r}).touch()\n"
    for name in ("yaml", "sitecustomize", "typer", "reconciler/__init__", "json", "score"):
        (working / f"{name}.py").parent.mkdir(exist_ok=True)
        (working / f"{name}.py").write_text(evil)
    (working / ".gitattributes").write_text("* filter=evil\n*.yml diff=evil\n")
    key = EVIL.partition(" \\x1b")[0]  # a description alone may have what a terminal obeys
    text = f'{SCHEMA}name: credit\ndescription: "{EVIL}"\ntags: {{"{key}": "{key}"}}\n'
    (working / "endpoint.yml").write_text(text)
    (working / "::error::x ##[error]y.yml").write_text(f"{SCHEMA}name: other\n")
    port = listener.getsockname()[1]
    (working / "mlops.yaml").write_text(
        f"targets:\n  prod:\n    provider: docker\n    docker: {{host: 'tcp://127.0.0.1:{port}'}}\n"
        f"    state: 'postgresql://mlops@127.0.0.1:{port}/x'\n"
    )
    commit(working, EVIL, branch="$(touch${IFS}ran);`id`", author="::error::x|`<b> <x@example.org>")
    number, run = proposed(shop, project, "$(touch${IFS}ran);`id`")
    plan = run.jobs["mlops / plan"]
    assert plan.result == "success", plan.log
    assert "1 to create, 1 to update" in plan.log, "it is planned nevertheless"
    assert not COMMAND.search(plan.log)
    assert "\x1b" not in plan.log + plan.summary
    outside = CODE.sub("", plan.summary)
    assert [text for text in ("<img", "@team", "](http") if text in outside or text not in plan.summary] == []
    assert (plan.obeyed, nobody_came(listener), ran.exists()) == ((), True, False)
    gets_nothing(shop, number, run)


def test_a_record_that_comes_with_it_is_refused(shop: Team, fork: tuple[Project, Path]):
    project, working = fork
    (working / ".mlops").mkdir()
    (working / ".mlops" / "state.db").write_text("mine")
    commit(working, "a record", branch="record")
    number, run = proposed(shop, project, "record")
    assert run.jobs["mlops / plan"].result == "failure"
    assert ".mlops/state.db came with the repository" in run.log
    gets_nothing(shop, number, run)


TRYING = """
  try:
    needs: mlops
    if: ${{ always() }}
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {pull-requests: write, issues: write, contents: write, id-token: write}
    steps:
      - env: {SECRET: "${{ secrets.PGPASSWORD }}", TOKEN: "${{ github.token }}"}
        run: |
          echo "[$SECRET][$ACTIONS_ID_TOKEN_REQUEST_TOKEN]"
          python3 - <<'END'
          import json, os, urllib.error, urllib.request
          event = json.load(open(os.environ["GITHUB_EVENT_PATH"]))
          for path in (f"issues/{event['number']}/comments", "issues"):
              url = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}"
              body = json.dumps({"title": "x", "body": "x"}).encode()
              headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
              try:
                  urllib.request.urlopen(urllib.request.Request(url, body, headers))
              except urllib.error.HTTPError as error:
                  print(path, error.code)
          END
"""


def test_a_workflow_that_the_fork_has_changed_neither_writes_nor_sees_a_secret(shop: Team, fork: tuple[Project, Path]):
    project, working = fork
    with (working / ".github" / "workflows" / "plan.yml").open("a") as workflow:
        workflow.write(TRYING)
    commit(working, "a job more", branch="job")
    number, run = proposed(shop, project, "job")
    told = run.jobs["try"].log.splitlines()
    assert "[][]" in told
    assert [line.rpartition(" ")[2] for line in told if line.startswith("issues")] == ["403", "403"]
    assert shop.api.bodies(number) == []
    assert held(SECRETS, run.log.encode()) == []


def test_what_a_fork_gets_its_own_branches_do_not_want(shop: Team):
    """That the assertions above can fail: a branch of the repository itself gets its comment, and the team's runner."""
    shop.edit("endpoint.yml", "name: credit", "name: credit\ndescription: ours")
    _, run = shop.proposes("ours")
    assert (run.jobs["mlops / plan"].runner, run.jobs["mlops / comment"].result) == ("own", "success")
    assert shop.api.writes()
