"""A pull request lifts no policy that would forbid it: those of the branch that it is to be merged into count."""

from pathlib import Path

from tests.github_api import Hub
from tests.runner.runs import Service
from tests.runner.world import team

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
FILES = {
    "mlops.yaml": "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n",
    "manifests/endpoint.yml": f"{SCHEMA}name: credit\ntags: {{owner: ana}}\n",
    "policies/owned.yaml": "name: owned\nover: resource\n"
    "deny_if: '!(\"owner\" in resource.after.tags)'\nmessage: give it tags.owner\n",
}


def test_a_pull_request_lifts_no_policy_that_would_forbid_it(service: Service, api: Hub, tmp_path: Path):
    shop = team(service, api, tmp_path, FILES, plan="target: dev")
    shop.edit("manifests/endpoint.yml", "owner: ana", "team: b")
    (shop.working / "policies/owned.yaml").unlink()
    pull, run = shop.proposes("lift")
    assert run.jobs["mlops / plan"].result == "failure"
    told = "policy owned (HEAD^1:policies/owned.yaml:1) denies endpoint/credit: give it tags.owner"
    assert told in run.jobs["mlops / plan"].log
    shop.edit("manifests/endpoint.yml", "team: b", "owner: ben")
    run = shop.pushes(pull)
    assert run.jobs["mlops / plan"].result == "success", run.log
    assert "policy owned is gone in this checkout" in run.log
