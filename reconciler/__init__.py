"""A declarative GitOps reconciler for machine-learning online endpoints.

    import reconciler

    plan = reconciler.plan("manifests", target="dev")
    print(plan)
    plan.apply()
    answer = reconciler.Endpoint("credit", target="dev").invoke({"data": [[1, 2]]})

Each function has the options of the command of its name. Nothing is loaded before it is used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.api import (
        Action,
        Address,
        Answer,
        Applied,
        Client,
        DeploymentStatus,
        Drift,
        DriftClass,
        DriftReport,
        Endpoint,
        EndpointStatus,
        FieldChange,
        Headers,
        InterruptedRunError,
        InvocationError,
        LockHeldError,
        ManifestError,
        MlopsError,
        ModelError,
        NoAnswerError,
        Outcome,
        Plan,
        Problem,
        ProviderError,
        RefusedError,
        Result,
        Run,
        StalePlanError,
        StateError,
        Status,
        Step,
        StepFailedError,
        UnauthorizedError,
        UnavailableError,
        Validation,
        apply,
        create_model,
        destroy,
        drift,
        history,
        plan,
        rollback,
        status,
        validate,
    )

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


class _Package(ModuleType):
    """The package, in which `apply` and `rollback` are what users call, and not the modules of these names.

    Python puts a module into its package once it is imported, whoever has that name there.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Every part of the house imports this package first, so it stands on no floor and knows the top by name alone.
    api = import_module("reconciler.api")

    globals().update({each: getattr(api, each) for each in __all__})
    return globals()[name]


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
