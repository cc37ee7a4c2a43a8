"""Workflows and actions as GitHub reads them: `on` is a word of their YAML, and a key that is not known is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

WORKFLOW = frozenset({"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"})
JOB = frozenset(
    {"name", "needs", "if", "permissions", "runs-on", "environment", "concurrency", "outputs", "env", "defaults"}
    | {"steps", "timeout-minutes", "uses", "with", "secrets"}
)
STEP = frozenset({"id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "continue-on-error"})
ACTION = frozenset({"name", "description", "author", "inputs", "outputs", "runs", "branding"})


class UnknownKeyError(Exception):
    """A key whose meaning this runner does not play, so that nothing is passed over in silence."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's words, as GitHub has them: `on`, `yes` and `off` are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_workflow(file: Path) -> Mapping[str, Any]:
    """One workflow, its jobs and steps."""
    workflow = _read(file)
    _known(workflow, WORKFLOW, str(file))
    for name, job in workflow["jobs"].items():
        _known(job, JOB, f"{file}: {name}")
        for step in job.get("steps", ()):
            _known(step, STEP, f"{file}: {name}")
    return workflow


def read_action(folder: Path) -> Mapping[str, Any]:
    """One composite action."""
    action = _read(next(file for name in ("action.yml", "action.yaml") if (file := folder / name).is_file()))
    _known(action, ACTION, str(folder))
    _known(action["runs"], frozenset({"using", "steps"}), str(folder))
    if action["runs"]["using"] != "composite":
        raise UnknownKeyError(f"{folder}: runs.using is {action['runs']['using']}")
    for step in action["runs"]["steps"]:
        _known(step, STEP, str(folder))
        if "run" in step and "shell" not in step:
            raise UnknownKeyError(f"{folder}: a step of an action must name its shell")
    return action


def _read(file: Path) -> dict[str, Any]:
    found = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # a SafeLoader with fewer words
    assert isinstance(found, dict), file
    return found


def _known(mapping: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    if unknown := set(mapping) - names:
        raise UnknownKeyError(f"{where}: {', '.join(sorted(map(str, unknown)))}")
