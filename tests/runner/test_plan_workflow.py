"""plan.yml, played on pull requests of the repository's own branches and of forks."""

from pathlib import Path

from tests.runner.runs import Service
from tests.runner.world import team

MEMORY = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
FILES = {"mlops.yaml": MEMORY, "manifests/endpoint.yml": f"{SCHEMA}name: credit\nauth_mode: key\n"}


def test_a_pull_request_is_validated_and_planned_by_the_mlops_that_the_workflow_is_of(service: Service, tmp_path: Path):
    shop = team(service, tmp_path, FILES, plan="target: dev")
    shop.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: key\ndescription: credit")
    _, run = shop.proposes("describe")
    plan = run.jobs["mlops / plan"]
    assert plan.result == "success", plan.log
    assert plan.permissions == {"contents": "read"}
    assert "1 resource: 0 errors, 0 warnings" in plan.log
    assert '| `description` | `"" -> credit` | `manifests/endpoint.yml:4` |' in plan.summary
    assert (plan.obeyed, plan.complaints) == ((), ())


def test_a_pull_request_that_is_wrong_is_red_and_says_where(service: Service, tmp_path: Path):
    shop = team(service, tmp_path, FILES, plan="target: dev")
    shop.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: none")
    plan = shop.proposes("open")[1].jobs["mlops / plan"]
    assert plan.result == "failure"
    assert "manifests/endpoint.yml:3" in plan.summary
