"""The runner that plays our workflows is as strict as GitHub's: what it would let pass, no test of a workflow finds."""

from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.runner.commands import Listener, parsed
from tests.runner.expressions import RefusedExpressionError, Scope, condition, evaluate, filled
from tests.runner.hub import Environment, Project, clone, commit
from tests.runner.reading import UnknownKeyError, read_workflow
from tests.runner.runs import RefusedRunError, Run, Service
from tests.waiting import until

SCOPE = Scope(
    {"github": {"event": {"a": "x", "n": 0}, "ref": "refs/heads/main"}, "inputs": {}, "vars": {"B": "b"}}, "success"
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event.a", "x"), ("github.EVENT.A", "x"), ("github.event.none.at.all", None), ("vars['B']", "b"),
        ("'it''s'", "it's"), ("1 == '1'", True), ("'A' == 'a'", True), ("null == ''", True), ("!inputs.x", True),
        ("inputs.x || vars.B || 'c'", "b"), ("github.event.a == 'x' && inputs.x || 'else'", "else"),
        ("(true || false) && 'both'", "both"), ("startsWith(github.ref, 'refs/HEADS/')", True),
        ("contains(fromJSON('[\"a\", \"b\"]'), 'B')", True), ("format('{0}-{1}', 'a', true)", "a-true"),
    ],
)  # fmt: skip
def test_an_expression_has_github_s_value(text: str, value: object):
    assert evaluate(text, SCOPE) == value


@pytest.mark.parametrize(
    "text", ["secrets.X", "hashFiles('x')", "1 +", "a b", "github.event.*.x", "'open", "1 < 2", ""]
)
def test_an_expression_that_is_not_known_is_refused(text: str):
    with pytest.raises(RefusedExpressionError):
        evaluate(text, SCOPE)


def test_a_text_is_filled_and_a_whole_expression_keeps_its_type():
    assert filled({"a": "x-${{ vars.B }}-${{ true }}", "b": "${{ inputs.x == '' }}"}, SCOPE) == {
        "a": "x-b-true",
        "b": True,
    }


@pytest.mark.parametrize(
    ("text", "status", "holds"),
    [
        (None, "success", True), (None, "failure", False), ("vars.B", "failure", False),
        ("always()", "failure", True),
        ("failure()", "success", False), ("${{ !cancelled() && vars.B }}", "failure", True),
        ("vars.C", "success", False),
    ],
)  # fmt: skip
def test_a_condition_wants_success_unless_it_asks(text: str | None, status: str, holds: bool):
    assert condition(text, Scope(SCOPE.contexts, status)) is holds


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("::error file=a::b", "error"), ("  \t::add-mask::x", "add-mask"), ("x ##[error]y", "error"),
        ("::nothing::x", ""),
        ("x ::error::y", ""), ("::error:no end", ""), ("##[section]y", ""), (": :error::y", ""), ("# #[error]y", ""),
    ],
)  # fmt: skip
def test_a_command_is_known_where_github_knows_it(line: str, name: str):
    command = parsed(line, frozenset({"error", "add-mask"}))
    assert (command.name if command else "") == name


def test_a_lone_carriage_return_begins_a_line():
    listener = Listener()
    list(listener.heard("x\r::warning::a%0Ab\nx"))
    assert [(each.name, each.data) for each in listener.obeyed] == [("warning", "a\nb")]


def test_commands_are_stopped_until_the_word_comes_and_masks_hide_what_follows():
    listener = Listener()
    told = list(listener.heard("::stop-commands::abc\n::error::x\n::abc::\n::add-mask::hunter2\nit is hunter2"))
    assert [each.name for each in listener.obeyed] == ["add-mask"]
    assert told[-1] == "it is ***"


def test_on_is_a_word_and_a_key_that_is_not_played_is_refused(tmp_path: Path):
    file = tmp_path / "x.yml"
    file.write_text("name: x\non: push\njobs: {a: {runs-on: x, steps: []}}\n")
    assert read_workflow(file)["on"] == "push"
    file.write_text("name: x\non: push\njobs: {a: {runs-on: x, strategy: {}, steps: []}}\n")
    with pytest.raises(UnknownKeyError, match="strategy"):
        read_workflow(file)


def repository(service: Service, folder: Path, workflow: str, **files: str) -> Project:
    """A repository with one workflow, and a working copy of it."""
    project = service.hub.create("team/models")
    working = clone(project, folder)
    write(working, {".github/workflows/x.yml": workflow, **files})
    commit(working, "one")
    return project


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def played(service: Service, project: Project) -> Run:
    (run,) = service.play(project, service.hub.pushed(project)).values()
    return run


HEAD = "name: x\non: {push: {branches: [main]}, pull_request: }\npermissions: {contents: read}\njobs:\n"
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
TELLING = """  one:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    outputs: {said: "${{ steps.say.outputs.said }}", secret: "${{ steps.say.outputs.secret }}"}
    steps:
      - id: say
        env: {SECRET: "${{ secrets.KEY }}"}
        run: |
          echo "said=hello" >> "$GITHUB_OUTPUT"
          echo "secret=$SECRET" >> "$GITHUB_OUTPUT"
          printf 'LATER<<END\\na\\nb\\nEND\\n' >> "$GITHUB_ENV"
          echo "it is $SECRET"
      - shell: bash
        run: test "$LATER" = "$(printf 'a\\nb')" && echo "# done" >> "$GITHUB_STEP_SUMMARY"
      - run: false | true
      - shell: bash
        run: false | true
      - run: echo never
      - if: ${{ failure() }}
        run: echo cleared
  two:
    needs: one
    if: ${{ !cancelled() }}
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - run: |
          grep -q '"ref": "refs/heads/main"' "$GITHUB_EVENT_PATH"
          echo "${{ needs.one.outputs.said }} ${{ needs.one.result }}"
  three:
    needs: two
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps: [{run: echo never}]
"""


def test_steps_tell_each_other_and_jobs_what_they_said(service: Service, tmp_path: Path):
    project = repository(service, tmp_path / "w", HEAD + TELLING)
    project.secrets["KEY"] = "hunter2"
    run = played(service, project)
    one, two, three = run.jobs.values()
    assert (one.result, two.result, three.result) == ("failure", "success", "skipped")
    assert one.outputs == {"said": "hello"}, "what a log would not show is no output"
    assert one.log.splitlines()[-1] == "cleared"
    assert "it is ***" in one.log
    assert "hello failure" in two.log
    assert "hunter2" not in run.log
    assert one.summary == "# done\n"


def test_a_summary_of_more_than_a_mebibyte_is_not_shown(service: Service, tmp_path: Path):
    step = '      - run: head -c 1048577 /dev/zero | tr "\\0" x >> "$GITHUB_STEP_SUMMARY"\n'
    job = "  one:\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n    steps:\n"
    one = played(service, repository(service, tmp_path / "w", HEAD + job + step)).jobs["one"]
    assert (one.summary, len(one.complaints)) == ("", 1)


def test_a_job_gets_no_environment_of_ours(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("MLOPS_STATE_KEY", "x")
    steps = "      - run: env; ! command -v mlops\n"
    job = f"  one:\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n    steps:\n{steps}"
    one = played(service, repository(service, tmp_path / "w", HEAD + job)).jobs["one"]
    assert one.result == "success"
    assert not [line for line in one.log.splitlines() if line.startswith(("PYTHON", "MLOPS", "GITHUB_TOKEN"))]


FORK = f"""  one:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{contents: write, id-token: write}}
    steps:
      - uses: {CHECKOUT}
      - run: git log -1 --format=%s; echo "[${{{{ secrets.KEY }}}}][$ACTIONS_ID_TOKEN_REQUEST_URL][${{{{ vars.V }}}}]"
"""


def test_a_fork_gets_no_secret_no_variable_and_a_token_that_reads(service: Service, tmp_path: Path):
    project = repository(service, tmp_path / "w", HEAD + FORK)
    project.secrets["KEY"], project.variables["V"] = "hunter2", "v"
    granted: list[Mapping[str, str]] = []
    service.machine.minted = lambda permissions: granted.append(permissions) or f"ghs_{len(granted)}"
    fork = service.hub.create("mallory/models", fork_of=project)
    commit(clone(fork, tmp_path / "m"), "evil", branch="evil")
    pull = service.hub.pull(project, "evil", head=fork)
    one = service.play(project, service.hub.pulled(pull))["x"].jobs["one"]
    assert one.log.splitlines()[-2:] == ["Merge pull request #1 from evil", "[][][]"]
    assert granted[0] == {"contents": "read"}
    commit(tmp_path / "w", "good", branch="good")
    own = service.hub.pull(project, "good")
    one = service.play(project, service.hub.pulled(own))["x"].jobs["one"]
    assert one.log.splitlines()[-1].startswith("[***][http")
    assert granted[1] == {"contents": "write", "id-token": "write"}


CALLED = """name: called
on:
  workflow_call:
    inputs: {what: {type: string, required: true}, how: {type: boolean, default: false}}
    secrets: {KEY: {required: false}}
permissions: {}
jobs:
  inner:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {issues: write}
    steps: [{run: "echo ${{ inputs.what }} ${{ inputs.how }} [${{ secrets.KEY }}]"}]
"""
CALLING = (
    "  outer:\n    uses: ./.github/workflows/called.yml\n    permissions: {{{permissions}}}\n    with: {{what: that}}\n"
)


def test_a_called_workflow_gets_what_it_is_given_and_may_what_its_caller_may(service: Service, tmp_path: Path):
    files = {".github/workflows/called.yml": CALLED}
    project = repository(service, tmp_path / "w", HEAD + CALLING.format(permissions="issues: write"), **files)
    project.secrets["KEY"] = "hunter2"
    assert "that false []" in played(service, project).jobs["outer / inner"].log
    write(tmp_path / "w", {".github/workflows/x.yml": HEAD + CALLING.format(permissions="issues: read")})
    commit(tmp_path / "w", "two")
    with pytest.raises(RefusedRunError, match="requesting issues: write"):
        played(service, project)


def test_an_environment_waits_for_its_reviewers_and_has_its_own_secrets(service: Service, tmp_path: Path):
    job = "  one:\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n    environment: production\n    steps:\n"
    project = repository(service, tmp_path / "w", HEAD + job + '      - run: test -n "${{ secrets.KEY }}"\n')
    project.environments["production"] = Environment(reviewed=True, secrets={"KEY": "hunter2"})
    assert played(service, project).result == "failure"
    asked: list[str] = []
    service.agreed = lambda _run, environment: not asked.append(environment)
    assert played(service, project).result == "success"
    assert asked == ["production"]


def test_a_runner_of_the_team_s_own_keeps_its_workspace_and_another_is_new(service: Service, tmp_path: Path):
    steps = f"      - {{uses: {CHECKOUT}, with: {{clean: false}}}}\n      - run: ls -A; touch kept\n"
    job = "  one:\n    runs-on: ${{ vars.RUNNER }}\n    timeout-minutes: 5\n    steps:\n"
    project = repository(service, tmp_path / "w", HEAD + job + steps)
    for label, kept in (("own", True), ("ubuntu-24.04", False)):
        project.variables["RUNNER"] = label
        logs = [played(service, project).jobs["one"].log.splitlines() for _ in range(2)]
        assert ("kept" in logs[0], "kept" in logs[1]) == (False, kept)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_what_a_job_leaves_running_ends_with_it_unless_it_is_told_to_stay(service: Service, tmp_path: Path):
    # A child of a shell has the shell's environment until it is another program.
    begun = 'until [ "$(cat /proc/$(cat pid)/comm)" != bash ]; do :; done'
    script = ("sleep 300 >/dev/null 2>&1 & echo $! > pid", begun, "cp pid $HOME/pid")
    steps = "\n          ".join(("      - run: |", *script)) + "\n"
    job = f"  one:\n    runs-on: own\n    timeout-minutes: 5\n    steps:\n{steps}"
    project = repository(service, tmp_path / "w", HEAD + job)
    for before, stays in (("", False), ("unset RUNNER_TRACKING_ID; ", True)):
        write(tmp_path / "w", {".github/workflows/x.yml": HEAD + job.replace("sleep", f"{before}sleep")})
        commit(tmp_path / "w", "again")
        played(service, project)
        pid = int((service.machine.folder / "own" / "home" / "pid").read_text())
        if stays:
            assert not is_gone(pid)
            psutil.Process(pid).kill()
        until(lambda pid=pid: is_gone(pid))
