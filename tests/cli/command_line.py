"""A repository in a temporary folder, and the command line run in it as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MLOPS = str(Path(sys.executable).with_name("mlops"))
PATIENCE_S = 120.0
SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
MEMORY = "manifests: manifests\ntargets:\n  dev: {provider: memory, file: live.jsonl, default: true}\n"
LOCAL = "manifests: manifests\ntargets:\n  dev: {provider: local, default: true}\n"

ENDPOINT = f"""{SCHEMAS}/managedOnlineEndpoint.schema.json
name: credit
auth_mode: key
traffic:
  blue: 100
"""
BLUE = f"""{SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: credit
model: azureml:risk:1
environment: azureml:sklearn:1
code_configuration:
  code: src
  scoring_script: score.py
instance_type: Standard_DS3_v2
instance_count: 1
"""
ENVIRONMENT = f"""{SCHEMAS}/environment.schema.json
name: sklearn
version: 1
image: mcr.microsoft.com/azureml/base:1
"""
SCORE = """import logging


def init():
    logging.info("the model is read")


def run(raw_data):
    print("a request came")
    return "blue"
"""


def model(version: int) -> str:
    return f"{SCHEMAS}/model.schema.json\nname: risk\nversion: {version}\npath: weights-{version}.txt\n"


FILES = {
    "endpoint.yml": ENDPOINT,
    "blue.yml": BLUE,
    "risk-1.yml": model(1),
    "weights-1.txt": "1\n",
    "sklearn.yml": ENVIRONMENT,
    "src/score.py": SCORE,
}


@dataclass(frozen=True)
class Ran:
    """What a process printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Repository:
    """A folder with `mlops.yaml` and manifests."""

    def __init__(self, folder: Path, settings: str = MEMORY) -> None:
        self.folder = folder
        self.write("mlops.yaml", settings)
        for name, text in FILES.items():
            self.write(f"manifests/{name}", text)

    def mlops(self, *words: str, code: int = 0, below: str = "", **variables: str) -> Ran:
        """Run the command to its end, without a terminal; `code` is the exit code that it must have."""
        argv, cwd, env = [MLOPS, *words], self.folder / below, environ(**variables)
        done = subprocess.run(
            argv, check=False, cwd=cwd, env=env, input="", capture_output=True, text=True, timeout=PATIENCE_S
        )
        said = f"mlops {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        assert "--debug" in words or "Traceback" not in done.stderr, said
        assert done.returncode == code, said
        return Ran(done.returncode, done.stdout, done.stderr)

    def steps(self, *words: str, code: int = 0) -> list[str]:
        """The plan's steps as `action address`, in order."""
        planned = self.mlops("plan", *words, "--format", "json", code=code)
        return [f"{step['action']} {step['address']}" for step in planned.json["steps"]]

    def apply(self, *words: str, code: int = 0, **variables: str) -> Ran:
        return self.mlops("apply", "--auto-approve", *words, code=code, **variables)

    def started(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the command, as a shell does in a process group of its own, and return while it runs."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [MLOPS, *words],
            cwd=self.folder,
            env=environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )

    def git(self, *words: str) -> None:
        """Run git as somebody of no settings."""
        nobody = {
            f"GIT_{who}_{what}": "ana@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        env = {**environ(), **nobody, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", *words], cwd=self.folder, env=env, check=True, capture_output=True, timeout=PATIENCE_S)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def live(self) -> dict[str, Any]:
        """The specs of a memory target's objects by address; a run that ends leaves one line of each."""
        lines = map(json.loads, self.read("live.jsonl").splitlines())
        last = {line["address"]: line.get("spec") for line in lines}
        return {address: spec for address, spec in last.items() if spec is not None}

    def behind_our_back(self, address: str, **fields: Any) -> None:
        """Change a memory target's object as somebody with a console would; without fields remove it."""
        lines = [json.loads(line) for line in self.read("live.jsonl").splitlines()]
        for line in lines:
            if line["address"] == address:
                line["spec"] = {**line["spec"], **fields} if fields else None
        self.write("live.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def environ(**variables: str) -> dict[str, str]:
    """The environment of a user who set nothing of ours, at a machine that need not be one of CI."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_") and name != "CI"}
    return {**ours, **variables}


def files_holding(text: str, folders: Iterable[Path]) -> list[str]:
    """The files below folders whose bytes hold a text."""
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return [str(file) for file in files if text.encode() in file.read_bytes()]
