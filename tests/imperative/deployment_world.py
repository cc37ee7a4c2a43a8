"""A repository with a memory target, and the commands of deployments called in it as the command line calls them."""

from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.errors import ProviderError
from reconciler.imperative import deployments, endpoints
from reconciler.imperative.amending import amendment_of
from reconciler.load.overrides import parse_field
from reconciler.pipeline import Applied, Manner, Wish
from reconciler.providers.memory import MemoryProvider
from reconciler.workspace import Workspace

SETTINGS = "targets:\n  dev: {provider: memory, default: true}\n"
ENDPOINT = Address("endpoint", "credit")
BLUE = Address("deployment", "blue", endpoint="credit")
DEPLOYMENT = """$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: credit
model: {path: weights.txt}
environment: {image: "img@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
code_configuration: {code: src, scoring_script: score.py}
environment_variables: {LEVEL: canary-of-a-variable}
tags: {team: risk}
instance_type: Standard_DS3_v2
instance_count: 1
"""
SCORE = "def init(): pass\n\n\ndef run(raw_data): return 1\n"


class Failing(MemoryProvider):
    """Memory on which no deployment can be made."""

    def create(self, step: Step, operation: Operation) -> None:
        if step.address.kind == "deployment":
            raise ProviderError(f"{step.address}: the script failed")
        super().create(step, operation)


def lay_out(folder: Path, settings: str = SETTINGS) -> None:
    (folder / "src").mkdir(parents=True)
    (folder / "mlops.yaml").write_text(settings)
    (folder / "blue.yml").write_text(DEPLOYMENT)
    (folder / "weights.txt").write_text("1")
    for script in ("score.py", "other.py"):
        (folder / "src" / script).write_text(SCORE)


def make_endpoint(workspace: Workspace, name: str = "credit") -> None:
    assert endpoints.create(workspace, name, Manner())[1].succeeded


def of_file(*sets: str, name: str = "", file: str = "blue.yml") -> Wish:
    overrides = tuple(map(parse_field, sets))
    return Wish((file,), overrides=overrides, name=name, kind="deployment", blame=False)


def created(workspace: Workspace, *sets: str, name: str = "", all_traffic: bool = False) -> list[str]:
    """The steps of `online-deployment create`, all of which were done."""
    address, applied = deployments.create(workspace, of_file(*sets, name=name), Manner(), all_traffic=all_traffic)
    assert address == BLUE._replace(name=name or "blue")
    return done(applied)


def updated(workspace: Workspace, *sets: str, name: str = "blue", skip: bool = False, **words: list[str]) -> list[str]:
    """The steps of `online-deployment update` without a file, all of which were done."""
    amendment = amendment_of(BLUE._replace(name=name), sets=sets, **words)
    wish = Wish(kind="deployment", amendments=(amendment,), blame=False, skip_scripts=skip)
    return done(deployments.update(workspace, wish, Manner())[1])


def done(applied: Applied) -> list[str]:
    assert applied.succeeded
    assert not applied.declined
    return [f"{step.action} {step.address}" for step in applied.planned.plan.steps]


def spec(workspace: Workspace, address: Address = BLUE) -> Spec:
    return workspace.store.read().entries[address].spec
