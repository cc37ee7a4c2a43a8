"""A team's week: what is proposed, reviewed, merged, found stale, changed behind git's back, told and healed.

GitHub is played by this folder over real remotes of git, from the workflows of this repository as they are. The record
and what is live are on a machine of the team's own, which its runner, its watcher and its laptops share.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.github_api import Hub
from tests.runner.hub import Environment
from tests.runner.runs import Run, Service
from tests.runner.world import Team, team

MLOPS = str(Path(sys.executable).with_name("mlops"))
SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
SETTINGS = """manifests: manifests
targets:
  prod: {{provider: memory, file: {record}/live.jsonl, state: {record}/state.db, default: true}}
"""
FILES = {
    ".gitignore": ".mlops/\n",
    "manifests/endpoint.yml": f"""{SCHEMAS}/managedOnlineEndpoint.schema.json
name: credit
auth_mode: key
traffic: {{blue: 100}}
""",
    "manifests/blue.yml": f"""{SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: credit
model: {{path: weights}}
environment: {{image: "mcr.microsoft.com/azureml/base:1"}}
code_configuration: {{code: src, scoring_script: score.py}}
instance_type: Standard_DS3_v2
instance_count: 1
""",
    "manifests/weights/model.txt": "1\n",
    "manifests/src/score.py": "def init(): pass\n\n\ndef run(raw_data): return 'blue'\n",
}
GIVEN = {
    "plan": "target: prod, online: true, runner: own",
    "apply": "target: prod, runner: own",
    "drift": "target: prod, runner: own",
}
THE_SAME = "This is the plan that the pull request showed"


class Week:
    """A team whose endpoints are up, and what its people see.

    Args:
        team: their repository.
        api: GitHub, as it is read by people.
        record: where the record and what is live are.
    """

    def __init__(self, team: Team, api: Hub, record: Path) -> None:
        self.team, self.api, self.record = team, api, record
        self.asked: list[Run] = []
        team.project.environments["production"] = Environment(reviewed=True)
        team.service.agreed = self.agree
        assert team.plays(team.service.hub.pushed(team.project), "apply").result == "success"

    def agree(self, run: Run, _environment: str) -> bool:
        """Somebody looks at the plan of the run, and agrees."""
        self.asked.append(run)
        return True

    def mlops(self, *words: str) -> str:
        """Somebody's laptop."""
        done = subprocess.run(
            [MLOPS, *words], cwd=self.team.working, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def live(self) -> dict[str, Any]:
        """The specs of what is live, by address, of which a run that was killed leaves several lines."""
        lines = [json.loads(line) for line in (self.record / "live.jsonl").read_text().splitlines()]
        last = {line["address"]: line.get("spec") for line in lines}
        return {address: spec for address, spec in last.items() if spec is not None}

    @property
    def instances(self) -> int:
        return int(self.live["deployment/credit/blue"]["instance_count"])

    def issues(self) -> list[tuple[str, str]]:
        """The issues that are no pull requests."""
        return [(each["title"], each["state"]) for each in self.api.issues.values() if "pull_request" not in each]


@pytest.mark.timeout(900)
def test_a_team_s_week(service: Service, api: Hub, tmp_path: Path):
    record = tmp_path / "record"
    record.mkdir()
    files = {"mlops.yaml": SETTINGS.format(record=record), **FILES}
    week = Week(team(service, api, tmp_path, files, **GIVEN), api, record)
    on_monday_what_was_reviewed_is_applied(week)
    on_tuesday_a_plan_that_is_stale_is_refused(week)
    on_wednesday_what_was_changed_behind_git_s_back_is_told_and_healed(week, tmp_path)


def on_monday_what_was_reviewed_is_applied(week: Week) -> None:
    week.team.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    pull, run = week.team.proposes("more")
    assert run.result == "success", run.log
    assert ["`1 -> 2`" in body for body in week.api.bodies(pull.number)] == [True]
    week.team.edit("manifests/blue.yml", "instance_count: 2", "instance_count: 3")
    week.team.pushes(pull)
    assert ["`1 -> 3`" in body for body in week.api.bodies(pull.number)] == [True], (
        "the comment is the same, brought up to date"
    )
    run = week.team.merges(pull)
    assert run.result == "success", run.log
    assert THE_SAME in run.jobs["mlops / plan"].summary
    assert (week.asked[-1], week.instances) == (run, 3)
    assert run.jobs["mlops / apply"].concurrency["cancel-in-progress"] is False


def on_tuesday_a_plan_that_is_stale_is_refused(week: Week) -> None:
    def meanwhile(_run: Run, _environment: str) -> bool:
        week.mlops("apply", "--auto-approve", "--set", "deployment/credit/blue.instance_count=5")
        return True

    week.team.edit("manifests/blue.yml", "instance_count: 3", "instance_count: 4")
    pull, _ = week.team.proposes("four")
    week.team.service.agreed = meanwhile
    run = week.team.merges(pull)
    week.team.service.agreed = week.agree
    assert (run.jobs["mlops / plan"].result, run.jobs["mlops / apply"].result) == ("success", "failure")
    assert "stale plan" in run.jobs["mlops / apply"].log
    assert week.instances == 5, "nothing was done"
    run = week.team.plays(week.team.service.hub.pushed(week.team.project), "apply")
    assert "This is not the plan that the pull request showed" in run.jobs["mlops / plan"].summary
    assert (run.result, week.instances) == ("success", 4)


def on_wednesday_what_was_changed_behind_git_s_back_is_told_and_healed(week: Week, folder: Path) -> None:
    assert week.team.looks().result == "success"
    assert week.issues() == [], "nothing has drifted, nothing is told"
    lines = [json.loads(line) for line in (week.record / "live.jsonl").read_text().splitlines()]
    for line in lines:
        if line.get("spec") and line["address"] == "deployment/credit/blue":
            line["spec"]["instance_count"] = 9
    (week.record / "live.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for _ in range(2):
        assert week.team.looks().result == "success"
        assert week.issues() == [("Drift in prod", "open")]
    (issue,) = [each for each in week.api.issues.values() if "pull_request" not in each]
    assert "`4 -> 9`" in issue["body"]
    week.mlops("watch", str(week.team.project.bare), "--folder", str(folder / "watcher"), "--once", "--self-heal")
    assert week.instances == 4
    assert week.team.looks().result == "success"
    assert week.issues() == [("Drift in prod", "closed")]
