"""A repository with a memory target, and the registry's commands called in it as the command line calls them."""

from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.imperative import assets
from reconciler.imperative.assets import Given
from reconciler.load import Override
from reconciler.pipeline import Manner, Planned, Wish, plan
from reconciler.workspace import Workspace

SETTINGS = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
ENDPOINT = "$schema: managedOnlineEndpoint.schema.json\nname: credit\ntraffic: {blue: 100}\n"
BLUE = """$schema: managedOnlineDeployment.schema.json
name: blue
endpoint_name: credit
model: MODEL
environment: {image: "img@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
code_configuration: {code: src, scoring_script: score.py}
instance_type: Standard_DS3_v2
instance_count: 1
"""
SCORE = "def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data\n"


def risk(version: str) -> Address:
    return Address("model", "risk", version=version)


def write(folder: Path, **files: str) -> None:
    """Files by their path, with `__` for a folder and a dot before the last three letters."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def deploy(folder: Path, model: str) -> None:
    """Manifests of an endpoint with one deployment of a model."""
    write(folder / "manifests", endpoint_dot_yml=ENDPOINT, src__score_dot_py=SCORE)
    write(folder / "manifests", blue_dot_yml=BLUE.replace("MODEL", model))


def given(kind: str, name: str, *, file: str | None = None, sets: tuple[Override, ...] = (), **fields: Any) -> Given:
    said = {path.replace("__", "."): value for path, value in fields.items()}
    return Given(kind, name, Path(file) if file else None, said, sets)


def register(workspace: Workspace, name: str = "risk", *, kind: str = "model", **options: Any) -> str:
    """Register, and the version that it is."""
    applied, address = assets.create(workspace, given(kind, name, **options), Manner(command=f"{kind} create"))
    assert applied.succeeded
    return address.version


def entry(workspace: Workspace, address: Address) -> dict[str, Any]:
    return dict(workspace.store.read().entries[address].spec)


def folder_plan(workspace: Workspace) -> Planned:
    return plan(workspace, Wish(blame=False))


def steps(planned: Planned) -> list[str]:
    return [f"{step.action} {step.address}" for step in planned.plan.steps]
