"""Runs of workflows: which begin with an event, their jobs by what they need, and those of workflows that they call."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.runner.expressions import Scope, as_text, condition, filled
from tests.runner.hub import Event, Hub, Project, git
from tests.runner.machine import Machine, Token
from tests.runner.reading import read_workflow
from tests.runner.steps import Surroundings, walk

LEVELS = ("none", "read", "write")


class RefusedRunError(Exception):
    """A workflow that GitHub would not begin."""


@dataclass
class Job:
    """A job of a run, and what everybody may see of it."""

    name: str
    result: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    environment: str = ""
    concurrency: Mapping[str, Any] = field(default_factory=dict)
    runner: str = ""
    log: str = ""
    summary: str = ""
    obeyed: tuple[Any, ...] = ()
    complaints: tuple[str, ...] = ()
    before: tuple["Job", ...] = ()


@dataclass
class Run:
    """One run of a workflow; its jobs by their names, those of a called workflow as `caller / job`."""

    id: int
    name: str
    event: Event
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """Red where a job failed, green where one succeeded, else it was skipped as a whole."""
        results = {job.result for job in self.jobs.values()}
        return "failure" if "failure" in results else "success" if "success" in results else "skipped"

    @property
    def log(self) -> str:
        """All that the jobs printed."""
        return "\n".join(job.log for job in self.jobs.values())


@dataclass
class Called:
    """A workflow with what it was called with: where it is from, its inputs, secrets, and what it may ask for."""

    project: Project
    sha: str
    file: Path
    inputs: Mapping[str, Any]
    secrets: Mapping[str, str]
    allowed: Mapping[str, str] | None = None
    prefix: str = ""


class Service:
    """What GitHub does with events.

    Args:
        hub: the repositories.
        machine: where jobs run.
        agreed: asked where an environment has reviewers, with the run so far.
    """

    def __init__(self, hub: Hub, machine: Machine, folder: Path) -> None:
        self.hub, self.machine, self._folder, self.runs = hub, machine, folder, list[Run]()
        self.agreed: Callable[[Run, str], bool] = lambda _run, _environment: False

    def play(self, project: Project, event: Event, *, only: str = "") -> dict[str, Run]:
        """Run every workflow of the event's commit that the event begins, or the one of a name; by their names."""
        checkout = self._at(project, event.sha)
        begun: dict[str, Run] = {}
        for file in sorted((checkout / ".github" / "workflows").glob("*.yml")):
            workflow = read_workflow(file)
            if _begins(workflow["on"], event) and only in ("", workflow["name"]):
                run = Run(len(self.runs) + 1, workflow["name"], event)
                self.runs.append(run)
                begun[run.name] = run
                given = {} if event.of_fork else dict(project.secrets)
                self._jobs(run, project, Called(project, event.sha, file, {}, given))
        return begun

    def _jobs(self, run: Run, project: Project, called: Called) -> dict[str, Job]:
        workflow = read_workflow(called.file)
        done: dict[str, Job] = {}
        for name in _in_order(workflow["jobs"]):
            body, job = workflow["jobs"][name], Job(called.prefix + name)
            needs = body.get("needs", [])
            needed = {need: done[need] for need in ([needs] if isinstance(needs, str) else needs)}
            contexts = self._contexts(run, project, called)
            contexts["needs"] = {need: {"result": of.result, "outputs": of.outputs} for need, of in needed.items()}
            job.before = tuple({id(each): each for of in needed.values() for each in (*of.before, of)}.values())
            done[name] = job
            job.permissions = _permitted(body, workflow, called, where=f"{called.file.name}: {name}")
            if condition(body.get("if"), Scope(contexts, _status(job.before))):
                self._job(run, project, called, workflow, body, job, contexts)
            if "uses" not in body:
                run.jobs[job.name] = job
        return done

    def _job(
        self, run: Run, project: Project, called: Called, workflow: Mapping[str, Any], body: Mapping[str, Any],
        job: Job, contexts: dict[str, Any],
    ) -> None:  # fmt: skip
        if "uses" in body:
            inner = self._jobs(run, project, self._called(called, body, job, contexts))
            results = {each.result for each in inner.values()}
            job.result = "failure" if "failure" in results else "success" if "success" in results else "skipped"
            return
        assert "timeout-minutes" in body, f"{job.name} may run for six hours"
        scope = Scope(contexts)
        given = dict(called.secrets)
        environment = filled(body.get("environment", ""), scope)
        job.environment = environment["name"] if isinstance(environment, Mapping) else as_text(environment)
        job.concurrency = filled(body.get("concurrency", {}), scope)
        if job.environment:
            of = project.environments[job.environment]
            if of.reviewed and not self.agreed(run, job.environment):
                job.result = "failure"
                return
            given |= {} if run.event.of_fork else of.secrets
            contexts["vars"] = {**contexts["vars"], **of.variables}
        job.runner = as_text(filled(body["runs-on"], scope))
        permissions = _of_fork(job.permissions) if run.event.of_fork else job.permissions
        token = Token(self.machine.minted(permissions), permissions)
        with self.machine.ready(job.runner, run, project, token) as sandbox:
            for secret in (token.text, *given.values()):
                sandbox.listener.mask(secret)
            contexts["github"] = {**contexts["github"], "token": token.text, "workspace": str(sandbox.place.workspace)}
            contexts["secrets"] = {**given, "GITHUB_TOKEN": token.text}
            contexts["runner"] = {"temp": str(sandbox.temp), "os": "Linux"}
            env = {**filled(workflow.get("env", {}), Scope(contexts)), **filled(body.get("env", {}), Scope(contexts))}
            walked = walk(
                sandbox,
                body["steps"],
                Surroundings(
                    contexts,
                    {k: as_text(v) for k, v in env.items()},
                    self._at(called.project, called.sha),
                    lambda name, ref: self._at(self.hub.projects[name], self.hub.projects[name].sha(ref)),
                ),
            )
            outputs = filled(body.get("outputs", {}), Scope({**contexts, "steps": walked.steps}))
        job.result, job.log, job.summary = walked.status, "\n".join(sandbox.log), sandbox.summary
        job.obeyed, job.complaints = tuple(sandbox.listener.obeyed), tuple(sandbox.complaints)
        # What a log would not show leaves the job not even as an output.
        job.outputs = {k: as_text(v) for k, v in outputs.items() if sandbox.listener.masked(as_text(v)) == as_text(v)}

    def _called(self, caller: Called, body: Mapping[str, Any], job: Job, contexts: Mapping[str, Any]) -> Called:
        project, sha, path = self._where(caller, body["uses"])
        file = self._at(project, sha) / path
        declared = read_workflow(file)["on"]["workflow_call"] or {}
        given = filled(body.get("with", {}), Scope(contexts))
        inputs = _inputs(declared.get("inputs", {}), given, where=str(body["uses"]))
        passed = body.get("secrets", {})
        if passed == "inherit":
            handed = dict(caller.secrets)
        else:
            handed = {k: as_text(v) for k, v in filled(passed, Scope({**contexts, "secrets": caller.secrets})).items()}
            if unknown := set(handed) - set(declared.get("secrets", {})):
                raise RefusedRunError(f"{body['uses']}: unexpected secrets {', '.join(sorted(unknown))}")
        return Called(project, sha, file, inputs, handed, job.permissions, f"{job.name} / ")

    def _where(self, caller: Called, uses: str) -> tuple[Project, str, str]:
        if uses.startswith("./"):
            return caller.project, caller.sha, uses
        named, _, ref = uses.partition("@")
        owner, name, path = named.split("/", 2)
        project = self.hub.projects[f"{owner}/{name}"]
        return project, project.sha(ref), path

    def _contexts(self, run: Run, project: Project, called: Called) -> dict[str, Any]:
        event = run.event
        return {
            "github": {
                "event": event.payload, "event_name": event.name, "sha": event.sha, "ref": event.ref,
                "ref_name": event.ref.removeprefix("refs/heads/").removeprefix("refs/pull/"),
                "repository": project.name, "repository_owner": project.name.partition("/")[0],
                "run_id": str(run.id), "run_attempt": "1", "workflow": run.name, "actor": "Ana",
                "base_ref": "main" if event.name == "pull_request" else "",
                "head_ref": event.payload["pull_request"]["head"]["ref"] if event.name == "pull_request" else "",
            },
            "vars": {} if event.of_fork else dict(project.variables),
            "inputs": called.inputs,
            "job": {"workflow_repository": called.project.name, "workflow_sha": called.sha},
        }  # fmt: skip

    def _at(self, project: Project, sha: str) -> Path:
        """The files of a commit, as GitHub reads workflows from it."""
        folder = self._folder / project.name / sha
        if not folder.is_dir():
            folder.mkdir(parents=True)
            git(folder, f"--git-dir={project.bare}", f"--work-tree={folder}", "checkout", "-q", "-f", sha, "--", ".")
        return folder


def _begins(on: Any, event: Event) -> bool:
    """Whether a workflow begins with an event; of its filters `branches` alone is known."""
    wanted = {on: None} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else on
    if event.name not in wanted:
        return False
    how = wanted[event.name] or {}
    if isinstance(how, list):  # the times of a schedule
        return True
    assert set(how) <= {"branches"}, how
    return "branches" not in how or "main" in how["branches"]


def _in_order(jobs: Mapping[str, Any]) -> Iterator[str]:
    left = dict(jobs)
    while left:
        for name, body in list(left.items()):
            needs = body.get("needs", [])
            if not set([needs] if isinstance(needs, str) else needs) & set(left):
                yield name
                del left[name]


def _status(before: tuple[Job, ...]) -> str:
    """What `success()` and `failure()` are of: all jobs that lead to one; one that was skipped makes neither true."""
    results = {job.result for job in before}
    return "failure" if "failure" in results else "skipped" if "skipped" in results else "success"


def _permitted(body: Mapping[str, Any], workflow: Mapping[str, Any], called: Called, *, where: str) -> dict[str, str]:
    """The permissions of a job, which must be said, and be no more than those of the job that calls its workflow."""
    asked = body.get("permissions", workflow.get("permissions"))
    if asked is None:
        raise RefusedRunError(f"{where}: it does not say what it may do")
    assert isinstance(asked, dict), f"{where}: {asked}"
    if called.allowed is not None:
        for name, level in asked.items():
            if LEVELS.index(level) > LEVELS.index(called.allowed.get(name, "none")):
                raise RefusedRunError(f"{where} is requesting {name}: {level}, but is only allowed {called.allowed}")
    return dict(asked)


def _of_fork(permissions: Mapping[str, str]) -> dict[str, str]:
    """A run of a fork's pull request may read at the most, and speak for nobody to a cloud."""
    return {name: "read" if level == "write" else level for name, level in permissions.items() if name != "id-token"}


def _inputs(declared: Mapping[str, Any], given: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The inputs of a called workflow with their defaults, of the type that they are declared with."""
    if unknown := set(given) - set(declared):
        raise RefusedRunError(f"{where}: unexpected inputs {', '.join(sorted(unknown))}")
    types = {"string": str, "boolean": bool, "number": (int, float)}
    empty: dict[str, Any] = {"string": "", "boolean": False, "number": 0}
    found = {}
    for name, of in declared.items():
        if name not in given and of.get("required"):
            raise RefusedRunError(f"{where}: input {name} is required")
        found[name] = given.get(name, of.get("default", empty[of["type"]]))
        if not isinstance(found[name], types[of["type"]]):
            raise RefusedRunError(f"{where}: input {name} is no {of['type']}: {found[name]!r}")
    return found
