"""The repositories of a team: mlops itself as it is here, and one of endpoints, whose workflows call those of mlops."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import github_api
from tests.github_api import REPOSITORY
from tests.runner.hub import Event, Project, Pull, clone, commit, pull_main
from tests.runner.runs import Run, Service

ROOT = Path(__file__).parents[2]
# All of this repository that a job installs or runs.
OWN = (
    *(".github", "reconciler", "manifests", "mlops.yaml", "pyproject.toml", "README.md", "LICENSE"),
    *("requirements.lock", "requirements-build.lock"),
)
CALLER = """name: {name}
on: {on}
permissions: {{}}
jobs:
  mlops:
    permissions: {{{permissions}}}
    uses: acme/mlops/.github/workflows/{name}.yml@{sha}
    with: {{{given}}}
"""
PERMISSIONS = {
    "plan": "contents: read, pull-requests: write",
    "apply": "contents: read, pull-requests: read, id-token: write",
    "drift": "contents: read, issues: write, id-token: write",
}
ON = {"plan": "pull_request", "apply": "{push: {branches: [main]}}", "drift": "{schedule: [{cron: '17 * * * *'}]}"}


def tool(service: Service, folder: Path) -> Project:
    """The repository of mlops, with one commit: the files as they are here."""
    project = service.hub.create("acme/mlops")
    working = clone(project, folder / "mlops")
    for name in OWN:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, working / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, working / name)
    commit(working, "mlops as it is")
    return project


@dataclass
class Team:
    """A repository of endpoints, whoever works on it, and what GitHub does for it.

    Args:
        working: somebody's working copy.
        given: what each workflow is called with.
    """

    service: Service
    api: github_api.Hub
    project: Project
    working: Path
    given: dict[str, str] = field(default_factory=dict)

    def write(self, files: dict[str, str]) -> None:
        """Write files into the working copy."""
        for name, text in files.items():
            (self.working / name).parent.mkdir(parents=True, exist_ok=True)
            (self.working / name).write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        edit(self.working / name, old, new)

    def proposes(self, branch: str) -> tuple[Pull, Run]:
        """Push what is in the working copy as a branch, and open a pull request."""
        commit(self.working, branch, branch=branch)
        pull = self.service.hub.pull(self.project, branch)
        return pull, self.planned(pull)

    def pushes(self, pull: Pull) -> Run:
        """Push what is in the working copy to the branch of a pull request."""
        commit(self.working, f"more of {pull.branch}")
        return self.planned(pull, "synchronize")

    def planned(self, pull: Pull, action: str = "opened") -> Run:
        """The run of plan.yml that a pull request begins."""
        return self.service.play(self.project, self.service.hub.pulled(pull, action))["plan"]

    def merges(self, pull: Pull) -> Run:
        """The run of apply.yml that a merge begins."""
        event = self.service.hub.merged(pull)
        merged = {"number": pull.number, "merged_at": "2026-01-05T10:00:00Z", "merge_commit_sha": event.sha}
        self.api.commits.setdefault(event.sha, []).append(merged)
        pull_main(self.working)
        return self.plays(event, "apply")

    def looks(self) -> Run:
        """The run of drift.yml when it is time."""
        return self.plays(self.service.hub.scheduled(self.project), "drift")

    def artifact(self, run: Run, name: str) -> set[str]:
        """The files of an artifact."""
        folder = self.service.machine.folder / "artifacts" / str(run.id) / name
        return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}

    def plays(self, event: Event, name: str) -> Run:
        """The one run of a name that an event begins."""
        return self.service.play(self.project, event)[name]


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def team(service: Service, api: github_api.Hub, folder: Path, files: dict[str, str], **given: Any) -> Team:
    """A repository with files, and the workflows that are called with something: `plan="target: dev"`."""
    sha = tool(service, folder).sha()
    project = service.hub.create(REPOSITORY)
    made = Team(service, api, project, clone(project, folder / "models"), given)
    made.write(files)
    for name, words in given.items():
        text = CALLER.format(name=name, on=ON[name], permissions=PERMISSIONS[name], sha=sha, given=words)
        made.write({f".github/workflows/{name}.yml": text})
    commit(made.working, "endpoints as they are")
    return made
