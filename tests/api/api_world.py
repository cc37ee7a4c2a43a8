"""The files of a repository as users of the Python API have them, and what others do to its target."""

import json
from pathlib import Path

import pytest

import reconciler
from reconciler.providers.memory import MemoryProvider

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
MEMORY = """manifests: manifests
targets:
  dev: {provider: memory, file: live.jsonl, default: true}
  prod: {provider: memory, file: prod.jsonl}
"""
LOCAL = """manifests: manifests
targets:
  dev: {provider: local, default: true}
  secure: {provider: local, gateway: {tls: true}}
"""
FILES = {
    "endpoint.yml": f"{SCHEMAS}/managedOnlineEndpoint.schema.json\n"
    "name: credit\nauth_mode: key\ntraffic: {blue: 100}\n",
    "blue.yml": f"{SCHEMAS}/managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: credit\n"
    "code_configuration: {code: src, scoring_script: score.py}\n"
    "instance_type: Standard_DS3_v2\ninstance_count: 1\n",
    "src/score.py": "import json\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n"
    "    return [sum(row) for row in json.loads(raw_data)['data']]\n",
}


def written(folder: Path, settings: str = MEMORY) -> Path:
    """A folder with `mlops.yaml` and manifests."""
    files = {"mlops.yaml": settings, **{f"manifests/{name}": text for name, text in FILES.items()}}
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def reroute(folder: Path, endpoint: str, **traffic: int) -> None:
    """Change the live side of the memory target `dev`, as somebody with a console would."""
    file = folder / "live.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        if line["address"] == f"endpoint/{endpoint}":
            line["spec"]["traffic"] = traffic
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def failing(monkeypatch: pytest.MonkeyPatch, why: str = "no room") -> None:
    """Have the platform refuse deployments."""

    def refuse(_self: object, step: reconciler.Step, _operation: object) -> None:
        raise reconciler.ProviderError(f"{why} for {step.address}", log_tail=(why,))

    create = MemoryProvider.create
    monkeypatch.setattr(
        MemoryProvider,
        "create",
        lambda self, step, operation: (refuse if step.address.kind == "deployment" else create)(self, step, operation),
    )
