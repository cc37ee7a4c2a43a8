"""What looks and changes nothing, in Python: drift, validate, status, history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler import pipeline
from reconciler.api.asking import PathLike, folder_of, wish_of
from reconciler.core.problem import Problem
from reconciler.errors import ManifestError
from reconciler.operate import history as runs
from reconciler.operate import show
from reconciler.render.as_json import drift_json, problems_json
from reconciler.render.markdown_findings import drift_markdown, problems_markdown
from reconciler.render.status import status_text
from reconciler.render.text import drift_text, problems_text
from reconciler.wishes import Drifted
from reconciler.workspace import open_record, open_workspace


@dataclass(frozen=True, repr=False)
class DriftReport(Drifted):
    """What changed behind git's back, resource by resource in `drifts`.

    `print(report)` shows what `mlops drift` shows, and a notebook shows it as a table.
    """

    @property
    def has_drift(self) -> bool:
        """Whether anything is other than recorded, and not expected to be."""
        return self.counts

    def to_dict(self) -> dict[str, Any]:
        """The same as `mlops drift --format json` prints it; secrets are not in it."""
        return drift_json(
            self.drifts, target=self.target, recovery=self.recovery, holder=self.holder, silent=self.silent
        )

    def __str__(self) -> str:
        return drift_text(
            self.drifts, recorded=self.recorded, target=self.target, recovery=self.recovery, holder=self.holder
        )

    def __repr__(self) -> str:
        return f"<DriftReport {self.target}: {len(self.drifts)} of {self.recorded}>"

    def _repr_markdown_(self) -> str:
        return drift_markdown(
            self.drifts, recorded=self.recorded, target=self.target, recovery=self.recovery, holder=self.holder
        )


@dataclass(frozen=True, repr=False)
class Validation:
    """What is wrong with files.

    `print(validation)` shows what `mlops validate` shows, and a notebook shows it as a table.

    Args:
        target: the name of the target whose settings count; empty where the default one's do.
        problems: errors and warnings, sorted by place.
        resources: how many the files define.
    """

    target: str
    problems: tuple[Problem, ...]
    resources: int

    @property
    def valid(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not any(problem.is_error for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """The same as `mlops validate --format json` prints it."""
        return problems_json(self.problems)

    def __str__(self) -> str:
        return problems_text(self.problems, resources=self.resources)

    def __repr__(self) -> str:
        return f"<Validation: {str(self).splitlines()[-1]}>"

    def _repr_markdown_(self) -> str:
        return problems_markdown(self.problems, resources=self.resources, target=self.target)


@dataclass(frozen=True)
class DeploymentStatus:
    """A deployment as it runs.

    Args:
        name: its name.
        provisioning_state: how its last operation ended, in Azure's words: `Succeeded`, `Failed`, `Updating`, …
        ready: how many instances answer; None where the platform does not tell.
        wanted: how many there are to be, or between which numbers; None where nothing is recorded.
        traffic: its share of the endpoint's requests, in percent.
    """

    name: str
    provisioning_state: str
    ready: int | None
    wanted: int | str | None
    traffic: int


@dataclass(frozen=True)
class EndpointStatus:
    """An endpoint as it runs.

    Args:
        name: its name.
        provisioning_state: how its last operation ended, in Azure's words.
        scoring_uri: where its clients ask; empty where the platform serves nothing.
        deployments: sorted by name.
        slo: what is left of its promises, as `mlops status --format json` tells it; None where it has none.
    """

    name: str
    provisioning_state: str
    scoring_uri: str
    deployments: tuple[DeploymentStatus, ...]
    slo: Mapping[str, Any] | None


@dataclass(frozen=True, repr=False)
class Status:
    """A target as it is; `print(status)` shows what `mlops status` shows.

    Args:
        target: its name.
        provider: what serves it.
        recorded: how many resources are recorded.
        live: how many objects there are.
        endpoints: sorted by name.
        holder: who is at work on the target; None when nobody is.
    """

    target: str
    provider: str
    recorded: int
    live: int
    endpoints: tuple[EndpointStatus, ...]
    holder: Mapping[str, str | int] | None
    _found: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The same as `mlops status --format json` prints it."""
        return dict(self._found)

    def __str__(self) -> str:
        return status_text(self._found)

    def __repr__(self) -> str:
        return f"<Status {self.target}: {self.recorded} recorded, {self.live} live>"


@dataclass(frozen=True)
class Run:
    """One run that changed a target.

    Args:
        id: by which `reconciler.rollback` knows it.
        command: such as `mlops apply`.
        outcome: `succeeded`, `failed`, `interrupted`; of one without an end `in progress` or `cut off`.
        started: in UTC.
        finished: in UTC; None where it has no end.
        user: who ran it, on `host`.
        host: where.
        commit: whose files it applied; empty outside of git.
        branch: of that commit; empty where it is not known.
        author: of that commit, which is foreign text.
        dirty: whether the checkout differed from its commit.
        plan_digest: the identity of what it did.
        steps: how many its plan had.
    """

    id: str
    command: str
    outcome: str
    started: datetime
    finished: datetime | None
    user: str
    host: str
    commit: str
    branch: str
    author: str
    dirty: bool
    plan_digest: str
    steps: int


def drift(*, target: str | None = None, served: bool = True, cwd: PathLike | None = None) -> DriftReport:
    """Report what changed behind git's back: the record is compared with the live side, the files take no part in it.

        >>> applied = reconciler.apply("manifests", target="dev")
        >>> print(reconciler.drift(target="dev"))
        No drift. 2 resources are as recorded (target dev).

    And when somebody has sent all requests elsewhere with the platform's own tools:

        >>> somebody_reroutes("credit", blue=10, green=90)
        >>> for drift in reconciler.drift(target="dev").drifts:
        ...     for field in drift.fields:
        ...         print(drift.address, drift.kind, field.path, field.before, field.after)
        endpoint/credit changed traffic.blue 100 10
        endpoint/credit changed traffic.green None 90

    Args:
        target: its name in mlops.yaml; by default the default one.
        served: whether each instance is asked which code and model it has loaded.
        cwd: a folder of the repository; by default the current one.

    Raises:
        ProviderError: the platform cannot be reached.
        MlopsError: any other, such as of the record.
    """
    with open_workspace(target, start=folder_of(cwd)) as workspace:
        return DriftReport(**vars(pipeline.drift(workspace, served=served)))


def validate(
    *paths: PathLike,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    name: str = "",
    endpoint_name: str = "",
    policies: PathLike = "",
    cwd: PathLike | None = None,
) -> Validation:
    """Check files alone, without a platform; nothing of theirs is imported or run.

        >>> print(reconciler.validate("manifests"))
        2 resources: 0 errors, 0 warnings
        >>> found = reconciler.validate("manifests", overrides={"deployment/credit/blue.instance_count": 0})
        >>> [problem.code for problem in found.problems], found.valid
        (['E-INSTANCES'], False)

    Args:
        paths: folders, files or `REV:PATH`; by default the folder that mlops.yaml names.
        target: its name in mlops.yaml; by default the default one.
        variables: what replaces `{{NAME}}` in the files.
        overrides: other values of fields, by `ADDRESS.FIELD`.
        name: of the resource of a single file, whatever that says.
        endpoint_name: of the deployment of a single file, whatever that says.
        policies: a folder or `REV:PATH` that policies over plans are taken from, in place of the checkout's own.
        cwd: a folder of the repository, from which paths count; by default the current one.
    """
    start = folder_of(cwd)
    try:
        wish = wish_of(
            paths,
            start,
            variables=variables,
            overrides=overrides,
            name=name,
            endpoint_name=endpoint_name,
            policies=policies,
        )
        loaded, problems = pipeline.validate(wish, target, start=start)
    except ManifestError as error:  # such as of mlops.yaml: a problem as any other, for whoever asks for problems
        return Validation(target or "", error.problems, 0)
    return Validation(target or "", problems, len(loaded.manifests))


def status(*, target: str | None = None, cwd: PathLike | None = None) -> Status:
    """Say what runs on a target.

        >>> applied = reconciler.apply("manifests", target="dev")
        >>> [endpoint] = reconciler.status(target="dev").endpoints
        >>> [(each.name, each.provisioning_state, each.traffic) for each in endpoint.deployments]
        [('blue', 'Succeeded', 100)]

    Args:
        target: its name in mlops.yaml; by default the default one.
        cwd: a folder of the repository; by default the current one.

    Raises:
        ProviderError: the platform cannot be reached.
        MlopsError: any other, such as of the record.
    """
    with open_workspace(target, start=folder_of(cwd)) as workspace:
        found = show.status(workspace)
    endpoints = tuple(map(_endpoint, found["endpoints"]))
    return Status(
        found["target"], found["provider"], found["recorded"], found["live"], endpoints, found["lock"], _found=found
    )


def history(*, target: str | None = None, limit: int = 20, cwd: PathLike | None = None) -> tuple[Run, ...]:
    """List the runs that changed a target, the newest first.

        >>> applied = reconciler.apply("manifests", target="dev")
        >>> [run] = reconciler.history(target="dev")
        >>> run.command, run.outcome, run.steps, run.plan_digest == applied.plan.digest
        ('mlops apply', 'succeeded', 3, True)

    Args:
        target: its name in mlops.yaml; by default the default one.
        limit: how many at the most.
        cwd: a folder of the repository; by default the current one.

    Raises:
        MlopsError: there is no such target, or its record cannot be read.
    """
    with open_record(target, start=folder_of(cwd)) as (name, store):
        return tuple(map(_run, runs.history(store, name, limit=limit)["runs"]))


def _endpoint(found: Mapping[str, Any]) -> EndpointStatus:
    return EndpointStatus(
        found["name"],
        found["provisioning_state"],
        found["scoring_uri"],
        tuple(DeploymentStatus(**each) for each in found["deployments"]),
        found["slo"],
    )


def _run(found: Mapping[str, Any]) -> Run:
    times = {name: datetime.fromisoformat(found[name]) if found[name] else None for name in ("started", "finished")}
    return Run(**{**{name: found[name] for name in Run.__dataclass_fields__}, **times})
