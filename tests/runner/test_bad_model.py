"""A bad model is merged: its deployment fails, the apply is red, the former one serves on; it is rolled back."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.providers.hosting.layout import Layout
from tests.ending import end_all
from tests.github_api import Hub
from tests.runner.hub import Environment, git
from tests.runner.runs import Service
from tests.runner.world import Team, team

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
GOOD = """import os


def init():
    global price
    price = open(os.environ["AZUREML_MODEL_DIR"] + "/model/price").read()


def run(raw_data): return float(price)
"""
FILES = {
    ".gitignore": ".mlops/\n",
    "mlops.yaml": "manifests: manifests\ntargets:\n  prod: {provider: local, default: true}\n",
    "manifests/endpoint.yml": f"""{SCHEMAS}/managedOnlineEndpoint.schema.json
name: houses
auth_mode: key
traffic: {{blue: 100}}
""",
    "manifests/blue.yml": f"""{SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: houses
model: {{path: model}}
environment: {{image: "mcr.microsoft.com/azureml/base:1"}}
code_configuration: {{code: src, scoring_script: score.py}}
instance_type: Standard_DS3_v2
instance_count: 1
""",
    "manifests/model/price": "12.5",
    "manifests/src/score.py": GOOD,
}
GIVEN = dict.fromkeys(("apply", "drift"), "target: prod, runner: own") | {"plan": "target: prod"}


class OwnMachine:
    """The runner of the team's own, on which its endpoints run."""

    def __init__(self, service: Service) -> None:
        self._tools = service.machine.folder / "own" / "tools" / "mlops"
        self.checkout = service.machine.folder / "own" / "work" / "team" / "models" / "models" / "repository"

    def mlops(self, *words: str) -> str:
        """Somebody there, by the mlops that the runner has."""
        (made,) = self._tools.glob("*/made")
        python, program = made.parent / "bin" / "python", made.parent / "bin" / "mlops"
        done = subprocess.run(
            [python, "-I", program, *words], cwd=self.checkout, check=False, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self) -> None:
        """End whatever runs there."""
        end_all(self.checkout, Layout(self.checkout / ".mlops" / "local" / "prod"))


@pytest.fixture
def machine(service: Service) -> Iterator[OwnMachine]:
    made = OwnMachine(service)
    yield made
    made.end()


@pytest.mark.timeout(900)
def test_a_bad_model_is_merged_and_rolled_back(service: Service, api: Hub, tmp_path: Path, machine: OwnMachine):
    shop = team(service, api, tmp_path, FILES, **GIVEN)
    shop.project.environments["production"] = Environment(reviewed=True)
    service.agreed = lambda _run, _environment: True
    first = shop.plays(service.hub.pushed(shop.project), "apply")
    assert first.result == "success", first.log
    assert machine.mlops("invoke", "houses").strip() == "12.5"
    what_fails_is_red_and_the_former_model_serves_on(shop, machine)
    what_was_done_of_it_is_rolled_back(machine)
    the_revert_finds_nothing_left_to_do(shop, machine)


def what_fails_is_red_and_the_former_model_serves_on(shop: Team, machine: OwnMachine) -> None:
    shop.write({"manifests/model/price": "twelve"})
    shop.edit("manifests/src/score.py", "price = open", "price = float(open")
    shop.edit("manifests/src/score.py", "read()", "read())")
    shop.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    pull, run = shop.proposes("a-better-model")
    assert run.result == "success", "no plan knows what a model does"
    run = shop.merges(pull)
    apply = run.jobs["mlops / apply"]
    assert (run.jobs["mlops / plan"].result, apply.result) == ("success", "failure")
    assert "ValueError: could not convert string to float: 'twelve'" in apply.log
    assert "could not convert string to float" in apply.summary
    assert machine.mlops("invoke", "houses").strip() == "12.5"


def what_was_done_of_it_is_rolled_back(machine: OwnMachine) -> None:
    assert '"instance_count": 2' in machine.mlops("show", "deployment/houses/blue")
    machine.mlops("rollback", "--auto-approve")
    assert '"instance_count": 1' in machine.mlops("show", "deployment/houses/blue")
    assert machine.mlops("invoke", "houses").strip() == "12.5"
    runs = [line.split()[3] for line in machine.mlops("history").splitlines() if not line.startswith(" ")]
    assert runs == ["succeeded", "failed", "succeeded"]


def the_revert_finds_nothing_left_to_do(shop: Team, machine: OwnMachine) -> None:
    git(shop.working, "revert", "--no-edit", "-m", "1", "HEAD")
    pull, _ = shop.proposes("revert-a-better-model")
    run = shop.merges(pull)
    assert (run.jobs["mlops / plan"].result, run.jobs["mlops / apply"].result) == ("success", "skipped"), run.log
    assert "No changes." in run.jobs["mlops / plan"].summary
    assert machine.mlops("drift").startswith("No drift")
