"""plan.yml, played on pull requests of the repository's own branches and of forks."""

from pathlib import Path

from tests.github_api import Hub
from tests.runner.hub import commit, git
from tests.runner.runs import Service
from tests.runner.world import edit, team, tool

MEMORY = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\n"
FILES = {"mlops.yaml": MEMORY, "manifests/endpoint.yml": f"{SCHEMA}name: credit\nauth_mode: key\n"}


def test_a_pull_request_is_planned_and_its_one_comment_follows_every_push(service: Service, api: Hub, tmp_path: Path):
    shop = team(service, api, tmp_path, FILES, plan="target: dev")
    shop.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: key\ndescription: credit")
    pull, run = shop.proposes("describe")
    plan, comment = run.jobs["mlops / plan"], run.jobs["mlops / comment"]
    assert (plan.result, comment.result) == ("success", "success"), run.log
    assert plan.permissions == {"contents": "read"}
    assert comment.permissions == {"contents": "read", "pull-requests": "write"}
    assert "1 resource: 0 errors, 0 warnings" in plan.log
    who = git(shop.working, "log", "-1", "--format=%h Ana", "--abbrev=12")
    changed = f'| `description` | `"" -> credit` | `manifests/endpoint.yml:4` `{who}` |'
    assert changed in plan.summary
    assert [changed in body for body in api.bodies(pull.number)] == [True]
    assert (plan.obeyed, plan.complaints, comment.obeyed) == ((), (), ())
    shop.edit("manifests/endpoint.yml", "description: credit", "description: credits")
    shop.pushes(pull)
    (body,) = api.bodies(pull.number)
    assert '`"" -> credits`' in body


def test_a_pull_request_that_is_wrong_is_red_and_its_comment_says_where(service: Service, api: Hub, tmp_path: Path):
    shop = team(service, api, tmp_path, FILES, plan="target: dev")
    shop.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: none")
    pull, run = shop.proposes("open")
    assert (run.jobs["mlops / plan"].result, run.jobs["mlops / comment"].result) == ("failure", "success")
    assert "manifests/endpoint.yml:3" in run.jobs["mlops / plan"].summary
    (annotation,) = run.jobs["mlops / plan"].obeyed
    assert (annotation.name, annotation.properties["file"], annotation.properties["line"]) == (
        "error",
        "manifests/endpoint.yml",
        "3",
    )
    kept = shop.artifact(run, "mlops-plan-dev")
    assert {"plan.json", "plan.markdown", "plan.html", "validate.json", "validate.sarif", "validate.junit"} <= kept
    assert ["manifests/endpoint.yml:3" in body for body in api.bodies(pull.number)] == [True]


def test_this_repository_s_own_manifests_are_planned_by_the_mlops_of_main(service: Service, api: Hub, tmp_path: Path):
    own = tool(service, tmp_path)
    working = tmp_path / "mlops"
    marker = tmp_path / "ran"
    (working / ".github/actions/mlops/run.sh").write_text(f"touch {marker}\n")
    (working / "reconciler/__init__.py").write_text(f"open({str(marker)!r}, 'w')\n")
    edit(working / "manifests/house-prices/blue.yml", "instance_count: 1", "instance_count: 2")
    commit(working, "two instances, and another mlops", branch="more")
    runs = service.play(own, service.hub.pulled(service.hub.pull(own, "more")), only="plan")
    plan = runs["plan"].jobs["plan"]
    assert plan.result == "success", plan.log
    assert "| scale | `deployment/house-prices/blue` | instance_count changed |" in plan.summary
    assert not marker.exists(), "neither job runs anything of the pull request"
