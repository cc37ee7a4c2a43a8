"""A program that uses the Python API as a user does; it is checked by mypy --strict, and run."""

import sys
from collections.abc import Mapping
from typing import assert_type

import reconciler
from reconciler import Endpoint, StalePlanError


def deploy(folder: str) -> int:
    plan = reconciler.plan("manifests", target="dev", variables={"SIZE": "Standard_DS3_v2"}, cwd=folder)
    assert_type(plan, reconciler.Plan)
    for step in plan.steps:
        assert_type(step, reconciler.Step)
        assert_type(step.action, reconciler.Action)
        assert_type(step.needs, tuple[int, ...])
        if step.action is reconciler.Action.DELETE:
            return 1
    try:
        applied = plan.apply(on_outcome=tell, lock_timeout=60)
    except StalePlanError:
        applied = reconciler.apply("manifests", target="dev", confirm=lambda plan: plan.has_changes, cwd=folder)
    except reconciler.StepFailedError as error:
        assert_type(error.outcomes, tuple[reconciler.Outcome, ...])
        return error.exit_code
    assert_type(applied, reconciler.Applied)
    report = reconciler.drift(target="dev", cwd=folder)
    assert_type(report.drifts, tuple[reconciler.Drift, ...])
    if report.has_drift:
        reconciler.rollback(target="dev", by="record", cwd=folder)
    for run in reconciler.history(target="dev", cwd=folder):
        assert_type(run.started.isoformat(), str)
    assert_type(reconciler.validate(cwd=folder).problems, tuple[reconciler.Problem, ...])
    assert_type(reconciler.status(cwd=folder).endpoints[0].deployments[0].traffic, int)
    return 0 if applied.succeeded else 1


def tell(outcome: reconciler.Outcome) -> None:
    print(outcome.step.id, outcome.result is reconciler.Result.SUCCEEDED)  # noqa: T201 - a user's program prints


def ask(endpoint: Endpoint) -> object:
    with endpoint as credit:
        answer = credit.invoke({"data": [[1, 2]]}, deployment="blue", timeout=5)
    assert_type(answer, reconciler.Answer)
    headers: Mapping[str, str] = answer.headers
    return answer.json() if headers else None


if __name__ == "__main__":
    sys.exit(deploy(sys.argv[1]))
