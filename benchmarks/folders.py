"""Folders of manifests to measure with: ten deployments an endpoint, one model and one environment for all."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

DEPLOYMENTS = 10  # an endpoint

ENDPOINT = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json
name: endpoint-{endpoint}
auth_mode: key
traffic:
  dep-0: 90
  dep-1: 10
tags:
  team: team-{endpoint}
"""

DEPLOYMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: dep-{deployment}
endpoint_name: endpoint-{endpoint}
model: azureml:risk:1
code_configuration:
  code: ../src
  scoring_script: score.py
environment: azureml:sklearn:1
environment_variables:
  LOG_LEVEL: info
request_settings:
  request_timeout_ms: 3000
  max_concurrent_requests_per_instance: 2
instance_type: Standard_DS3_v2
instance_count: 2
"""

SHARED = {
    "model.yml": "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\n"
    "name: risk\nversion: 1\npath: model\n",
    "environment.yml": "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
    "name: sklearn\nversion: 1\nimage: registry.example/sklearn@sha256:" + "0" * 64 + "\n",
    "model/weights.txt": "1 2 3\n",
    "src/score.py": "import json\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n    return json.loads(raw_data)\n",
}


def endpoints(resources: int) -> int:
    """How many endpoints there are among about that many resources."""
    return max(1, round((resources - 2) / (DEPLOYMENTS + 1)))


def write_folder(root: Path, resources: int) -> None:
    """Write about that many resources below `root/manifests`, and an `mlops.yaml` with a memory target in a file."""
    manifests = root / "manifests"
    for name, text in SHARED.items():
        file = manifests / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for endpoint in range(endpoints(resources)):
        folder = manifests / f"e{endpoint}"
        folder.mkdir(exist_ok=True)
        (folder / "endpoint.yml").write_text(ENDPOINT.format(endpoint=endpoint))
        for deployment in range(DEPLOYMENTS):
            text = DEPLOYMENT.format(endpoint=endpoint, deployment=deployment)
            (folder / f"d{deployment}.yml").write_text(text)
    (root / "mlops.yaml").write_text(
        "manifests: manifests\ntargets:\n  memory: {provider: memory, file: live.json, default: true}\n"
    )


def committed(root: Path, resources: int, environ: Mapping[str, str]) -> Path:
    """The same, all of it in the one commit of a git repository."""
    root.mkdir(parents=True, exist_ok=True)
    write_folder(root, resources)
    (root / ".gitignore").write_text(".mlops/\nlive.json\nsynced\n")
    someone = ("-c", "user.name=bench", "-c", "user.email=bench@example")
    for words in (("init", "--quiet"), ("add", "."), (*someone, "commit", "--quiet", "--message", "All of it")):
        subprocess.run(("git", *words), cwd=root, env=environ, check=True)
    return root
