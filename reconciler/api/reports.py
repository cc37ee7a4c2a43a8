"""What looking finds, in Python: a drift report, a validation, a status, the runs of a history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.core.problem import Problem
from reconciler.render.as_json import drift_json, problems_json
from reconciler.render.markdown_findings import drift_markdown, problems_markdown
from reconciler.render.status import status_text
from reconciler.render.text import drift_text, problems_text
from reconciler.wishes import Drifted


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
