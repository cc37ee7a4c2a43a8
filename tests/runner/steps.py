"""The steps of a job, one after the other: shells, actions of GitHub's own, and composite ones of a checkout."""

import re
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.runner.actions import ACTIONS, ActionError, Place
from tests.runner.commands import Listener
from tests.runner.expressions import Scope, as_text, condition, filled
from tests.runner.reading import read_action

SHELLS = {
    "": ["bash", "-e"],  # what GitHub runs where no shell is named
    "bash": ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"],
}
LARGEST_SUMMARY = 1 << 20
PATIENCE_S = 280.0


@dataclass
class Sandbox:
    """The machine of one job as its steps find it.

    Args:
        environ: of every step; GITHUB_ENV adds to it.
        place: for the actions of GitHub's own.
        temp: RUNNER_TEMP; outside of the workspace.
        log: what the steps printed, masked, as everybody may read it.
        summary: the job's, of all its steps.
        complaints: what the runner itself had to say against a step.
        paths: what was put in front of PATH, last first.
    """

    environ: dict[str, str]
    place: Place
    temp: Path
    listener: Listener = field(default_factory=Listener)
    log: list[str] = field(default_factory=list)
    summary: str = ""
    complaints: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What a list of steps may name in its expressions, the environment around it, and where `$/` is.

    That is the repository of the workflow itself, at its own commit, whatever is checked out; `fetched` gives the files
    of a commit of another one.
    """

    contexts: Mapping[str, Any]
    env: Mapping[str, str]
    own: Path
    fetched: Callable[[str, str], Path]


@dataclass
class Walked:
    """How a list of steps ended."""

    status: str = "success"
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)


def walk(sandbox: Sandbox, steps: list[Mapping[str, Any]], around: Surroundings, status: str = "success") -> Walked:
    """Run steps in order; after one that failed only those whose `if` asks for it."""
    walked = Walked(status)
    for number, step in enumerate(steps, 1):
        contexts = {**around.contexts, "steps": walked.steps, "env": {**around.env, **sandbox.environ}}
        scope = Scope(contexts, walked.status)
        if not condition(step.get("if"), scope):
            conclusion, outputs = "skipped", {}
        else:
            sandbox.log.append(f"== {as_text(filled(step.get('name') or step.get('uses') or step.get('run'), scope))}")
            ended, outputs = _taken(sandbox, step, scope, around)
            conclusion = "success" if ended else "failure"
            if not ended and not step.get("continue-on-error"):
                walked.status = "failure"
        walked.steps[step.get("id", f"__{number}")] = {
            "outputs": outputs, "outcome": conclusion,
            "conclusion": "success" if step.get("continue-on-error") and conclusion == "failure" else conclusion,
        }  # fmt: skip
    return walked


def _taken(
    sandbox: Sandbox, step: Mapping[str, Any], scope: Scope, around: Surroundings
) -> tuple[bool, dict[str, str]]:
    env = {**around.env, **{key: as_text(value) for key, value in filled(step.get("env", {}), scope).items()}}
    scope = Scope({**scope.contexts, "env": {**sandbox.environ, **env}}, scope.status)
    given = {key: as_text(value) for key, value in filled(step.get("with", {}), scope).items()}
    if "run" in step:
        return _shell(sandbox, step, scope, env)
    for sign, folder in (("./", sandbox.place.workspace), ("$/", around.own)):
        if step["uses"].startswith(sign):
            return _composite(sandbox, folder / step["uses"].removeprefix(sign), given, replace(around, env=env))
    owned, _, ref = step["uses"].partition("@")
    if owned.count("/") > 1:
        owner, name, folder = owned.split("/", 2)
        return _composite(sandbox, around.fetched(f"{owner}/{name}", ref) / folder, given, replace(around, env=env))
    try:
        ACTIONS[step["uses"]](sandbox.place, given)
    except ActionError as error:
        sandbox.log.append(sandbox.listener.masked(f"##[error]{error}"))
        return False, {}
    return True, {}


def _composite(
    sandbox: Sandbox, folder: Path, given: Mapping[str, str], around: Surroundings
) -> tuple[bool, dict[str, str]]:
    """An action of several steps, which names nothing of the job but what it is given."""
    action = read_action(folder)
    declared = action.get("inputs", {})
    if unknown := set(given) - set(declared):
        sandbox.complaints.append(f"unexpected inputs: {', '.join(sorted(unknown))}")
    contexts = {name: around.contexts[name] for name in ("github", "runner", "job")}
    contexts["github"] = {**contexts["github"], "action_path": str(folder)}
    defaults = {name: filled(of.get("default", ""), Scope(contexts)) for name, of in declared.items()}
    contexts["inputs"] = {**{name: as_text(value) for name, value in defaults.items()}, **given}
    env = {**around.env, "GITHUB_ACTION_PATH": str(folder)}
    walked = walk(sandbox, action["runs"]["steps"], replace(around, contexts=contexts, env=env))
    scope = Scope({**contexts, "steps": walked.steps})
    outputs = {name: as_text(filled(of["value"], scope)) for name, of in action.get("outputs", {}).items()}
    return walked.status == "success", outputs


def _shell(
    sandbox: Sandbox, step: Mapping[str, Any], scope: Scope, env: Mapping[str, str]
) -> tuple[bool, dict[str, str]]:
    """A script in a shell of its own, with files for what it has to tell."""
    files = {name: sandbox.temp / "_runner_file_commands" / f"{name}_{uuid.uuid4()}" for name in FILES}
    for file in files.values():
        file.parent.mkdir(exist_ok=True)
        file.touch()
    script = sandbox.temp / f"{uuid.uuid4()}.sh"
    script.write_text(as_text(filled(step["run"], scope)), encoding="utf-8")
    environ = {**sandbox.environ, **env, **{FILES[name]: str(file) for name, file in files.items()}}
    environ["PATH"] = ":".join([*reversed(sandbox.paths), environ["PATH"]])
    ran = subprocess.run(
        [*SHELLS[step.get("shell", "")], str(script)],
        cwd=sandbox.place.workspace / as_text(filled(step.get("working-directory", "."), scope)),
        env=environ, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=PATIENCE_S,
    )  # fmt: skip
    script.unlink()
    sandbox.log += sandbox.listener.heard(ran.stdout.decode("utf-8", "replace"))
    return _told(sandbox, {name: file.read_bytes() for name, file in files.items()}, ran.returncode)


# The files of a step, each by the variable that names it.
FILES = {
    "output": "GITHUB_OUTPUT", "env": "GITHUB_ENV", "path": "GITHUB_PATH", "state": "GITHUB_STATE",
    "step_summary": "GITHUB_STEP_SUMMARY",
}  # fmt: skip


def _told(sandbox: Sandbox, files: Mapping[str, bytes], code: int) -> tuple[bool, dict[str, str]]:
    """Take over what a step wrote into its files."""
    summary = files["step_summary"]
    if len(summary) > LARGEST_SUMMARY:
        sandbox.complaints.append(
            f"$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got {len(summary)}"
        )
    else:
        sandbox.summary += sandbox.listener.masked(summary.decode("utf-8"))
    sandbox.environ.update(
        {name: value for name, value in pairs(files["env"]).items() if not name.startswith(("GITHUB_", "RUNNER_"))}
    )
    sandbox.paths += files["path"].decode().split()
    return code == 0, pairs(files["output"])


def pairs(content: bytes) -> dict[str, str]:
    """The names and values of a file: `NAME=VALUE`, or `NAME<<END`, lines, `END`; anything else is refused."""
    found: dict[str, str] = {}
    lines = content.decode("utf-8").splitlines()
    while lines:
        line = lines.pop(0)
        if long := re.fullmatch(r"([^=<]+)<<(.+)", line):
            end = lines.index(long[2])
            found[long[1]] = "\n".join(lines[:end])
            del lines[: end + 1]
        elif line:
            name, equals, value = line.partition("=")
            if not equals or not name:
                raise ValueError(f"unable to process file command, invalid format: {line}")
            found[name] = value
    return found
