"""A declarative GitOps reconciler for machine-learning online endpoints.

    import reconciler

    plan = reconciler.plan("manifests", target="dev")
    print(plan)
    plan.apply()
    answer = reconciler.Endpoint("credit", target="dev").invoke({"data": [[1, 2]]})

Each function has the options of the command of its name. Nothing is loaded before it is used.
"""

import sys

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from reconciler.api.applying import apply, destroy, rollback
    from reconciler.api.endpoint import Endpoint
    from reconciler.api.looking import drift, history, status, validate
    from reconciler.api.models import create_model
    from reconciler.api.plans import Applied, Plan, plan
    from reconciler.api.reports import DeploymentStatus, DriftReport, EndpointStatus, Run, Status, Validation
    from reconciler.core.address import Address
    from reconciler.core.answer import Answer, Headers
    from reconciler.core.plan import Action, FieldChange, Outcome, Result, Step
    from reconciler.core.problem import Problem
    from reconciler.core.state import Drift, DriftClass
    from reconciler.errors import (
        InterruptedRunError,
        InvocationError,
        LockHeldError,
        ManifestError,
        MlopsError,
        ModelError,
        NoAnswerError,
        ProviderError,
        RefusedError,
        StalePlanError,
        StateError,
        StepFailedError,
        UnauthorizedError,
        UnavailableError,
    )
    from reconciler.operate.client import Client
else:
    ModuleType = type(sys)

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Address",
    "Answer",
    "Applied",
    "Client",
    "DeploymentStatus",
    "Drift",
    "DriftClass",
    "DriftReport",
    "Endpoint",
    "EndpointStatus",
    "FieldChange",
    "Headers",
    "InterruptedRunError",
    "InvocationError",
    "LockHeldError",
    "ManifestError",
    "MlopsError",
    "ModelError",
    "NoAnswerError",
    "Outcome",
    "Plan",
    "Problem",
    "ProviderError",
    "RefusedError",
    "Result",
    "Run",
    "StalePlanError",
    "StateError",
    "Status",
    "Step",
    "StepFailedError",
    "UnauthorizedError",
    "UnavailableError",
    "Validation",
    "apply",
    "create_model",
    "destroy",
    "drift",
    "history",
    "plan",
    "rollback",
    "status",
    "validate",
]


# Where each is. Every part of the house imports this package first, so it stands on no floor and knows others by name
# alone; whoever needs no more than a client loads no more.
_HOMES = {
    "reconciler.api.applying": (
        "apply",
        "destroy",
        "rollback",
    ),
    "reconciler.api.endpoint": ("Endpoint",),
    "reconciler.api.looking": (
        "drift",
        "history",
        "status",
        "validate",
    ),
    "reconciler.api.models": ("create_model",),
    "reconciler.api.plans": (
        "Applied",
        "Plan",
        "plan",
    ),
    "reconciler.api.reports": (
        "DeploymentStatus",
        "DriftReport",
        "EndpointStatus",
        "Run",
        "Status",
        "Validation",
    ),
    "reconciler.core.address": ("Address",),
    "reconciler.core.answer": (
        "Answer",
        "Headers",
    ),
    "reconciler.core.plan": (
        "Action",
        "FieldChange",
        "Outcome",
        "Result",
        "Step",
    ),
    "reconciler.core.problem": ("Problem",),
    "reconciler.core.state": (
        "Drift",
        "DriftClass",
    ),
    "reconciler.errors": (
        "InterruptedRunError",
        "InvocationError",
        "LockHeldError",
        "ManifestError",
        "MlopsError",
        "ModelError",
        "NoAnswerError",
        "ProviderError",
        "RefusedError",
        "StalePlanError",
        "StateError",
        "StepFailedError",
        "UnauthorizedError",
        "UnavailableError",
    ),
    "reconciler.operate.client": ("Client",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


class _Package(ModuleType):
    """The package, in which `apply` and `rollback` are what users call, and not the modules of these names.

    Python puts a module into its package once it is imported, whoever has that name there.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> "Any":
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as above

    found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
