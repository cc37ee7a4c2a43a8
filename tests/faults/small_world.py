"""A small repository on a memory target in a file: what was applied, what is being applied, what may be wished next.

Its disk is a value, so that thousands of ends of processes are tried from it.
"""

import os
import shutil
from pathlib import Path

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
CANARY = "canary-of-the-secret-5e1f"
SETTINGS = "manifests: applied\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"

Disk = dict[str, bytes]

AGAIN, REVERT, EDIT = "wanted", "applied", "edited"
BACK = "a rollback"
"""What leads from one wish to the one before by what is recorded."""

WISHES = (AGAIN, REVERT, EDIT)
"""What is wished after a kill: the same once more, what was before, or something else with names changed."""


ENVIRONMENT = f"{SCHEMAS}/environment.schema.json\nname: sklearn\nversion: 1\nimage: docker.io/library/python:3\n"
SCORE = "def init(): pass\n\n\ndef run(raw_data): return 1\n"


def _model(version: int) -> str:
    return f"{SCHEMAS}/model.schema.json\nname: risk\nversion: {version}\npath: w{version}.txt\n"


def _endpoint(traffic: str, team: str = "risk") -> str:
    return (
        f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: credit\nauth_mode: key\n"
        f"tags: {{team: {team}}}\ntraffic: {traffic}\n"
    )


def _deployment(name: str, *, model: int, count: int = 1, size: str = "Standard_DS3_v2") -> str:
    return (
        f"{SCHEMAS}/managedOnlineDeployment.schema.json\nname: {name}\nendpoint_name: credit\n"
        f"model: azureml:risk:{model}\nenvironment: azureml:sklearn:1\n"
        "code_configuration: {code: src, scoring_script: score.py}\n"
        f"environment_variables: {{GREETING: {CANARY}}}\ninstance_type: {size}\ninstance_count: {count}\n"
    )


def _manifests(*, models: int, **files: str) -> dict[str, str]:
    """What all wishes have, so many models, and an endpoint with deployments."""
    versions = range(1, models + 1)
    return {
        "sklearn.yml": ENVIRONMENT,
        "src/score.py": SCORE,
        **{f"w{n}.txt": f"{n}\n" for n in versions},
        **{f"risk-{n}.yml": _model(n) for n in versions},
        **{f"{name}.yml": text for name, text in files.items()},
    }


MANIFESTS = {
    # Red has no traffic; amber's size is a field that forces a deletion and a creation anew.
    REVERT: _manifests(
        models=1,
        endpoint=_endpoint("{blue: 100}"),
        blue=_deployment("blue", model=1),
        red=_deployment("red", model=1),
        amber=_deployment("amber", model=1),
    ),
    # Every action of a provider, and a replacement.
    AGAIN: _manifests(
        models=2,
        endpoint=_endpoint("{blue: 50, green: 50}", "fraud"),
        blue=_deployment("blue", model=2, count=2),
        green=_deployment("green", model=2),
        amber=_deployment("amber", model=1, size="Standard_DS4_v2"),
    ),
    # Green is renamed to navy, blue has another model and scale.
    EDIT: _manifests(
        models=2,
        endpoint=_endpoint("{blue: 30, navy: 70}", "fraud"),
        blue=_deployment("blue", model=1, count=3),
        navy=_deployment("navy", model=2),
        amber=_deployment("amber", model=1, size="Standard_DS4_v2"),
    ),
}

ADDRESSES = {
    wish: {
        "endpoint/credit",
        "environment/sklearn:1",
        *(f"model/risk:{n}" for n in (1, 2) if f"risk-{n}.yml" in files),
        *(f"deployment/credit/{name}" for name in ("blue", "green", "navy", "red", "amber") if f"{name}.yml" in files),
    }
    for wish, files in MANIFESTS.items()
}


def write(folder: Path) -> None:
    """Write settings and the manifests of every wish; nothing is applied."""
    texts = {"mlops.yaml": SETTINGS}
    texts |= {f"{wish}/{name}": text for wish, files in MANIFESTS.items() for name, text in files.items()}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def disk_of(folder: Path) -> Disk:
    """What a process leaves on the disk besides manifests and the parse cache, which may be lost at any time."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in _left(folder)}


def clear(folder: Path) -> None:
    """Make the disk as nobody has used it yet: each process lays content down anew, so that all pass equal points."""
    for path in _left(folder):
        path.unlink()
    assets = folder / ".mlops" / "assets"
    for each in (assets, *assets.rglob("*")):
        if each.is_dir():
            each.chmod(0o700)
    shutil.rmtree(assets, ignore_errors=True)


def put_disk(folder: Path, disk: Disk) -> None:
    """Put on an empty disk what was on another."""
    (folder / ".mlops").mkdir(exist_ok=True, mode=0o700)
    for name, content in disk.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)


def _left(folder: Path) -> list[Path]:
    return [
        path
        for path in (*folder.glob("live.jsonl*"), *folder.glob(".live.jsonl*"), *folder.glob(".mlops/*"))
        if path.is_file()
    ]
