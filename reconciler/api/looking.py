"""What looks and changes nothing, in Python: drift, validate, status, history."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reconciler import pipeline
from reconciler.api.asking import PathLike, folder_of, opened, wish_of
from reconciler.api.reports import DeploymentStatus, DriftReport, EndpointStatus, Run, Status, Validation
from reconciler.api.wording import worded
from reconciler.core.offline import is_offline
from reconciler.errors import ManifestError
from reconciler.operate import history as runs
from reconciler.operate import show
from reconciler.workspace import open_record


def drift(
    *, target: str | None = None, served: bool = True, cache: bool = True, cwd: PathLike | None = None
) -> DriftReport:
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
        cache: whether what is known from earlier runs is used, and what is learnt is kept for later ones.
        cwd: a folder of the repository; by default the current one.

    Raises:
        ProviderError: the platform cannot be reached.
        MlopsError: any other, such as of the record.
    """
    with opened(target, folder_of(cwd), cached=cache) as workspace:
        return DriftReport(**vars(pipeline.drift(workspace, served=served, cached=cache)))


def validate(
    *paths: PathLike,
    target: str | None = None,
    variables: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    name: str = "",
    endpoint_name: str = "",
    policies: PathLike = "",
    cache: bool = True,
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
        cache: whether what is known from earlier runs is used, and what is learnt is kept for later ones.
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
            cache=cache and not is_offline(os.environ),  # offline nothing is trusted that lies about
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
    with opened(target, folder_of(cwd)) as workspace:
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
    with worded(), open_record(target, start=folder_of(cwd)) as (name, store):
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
