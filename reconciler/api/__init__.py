"""The Python API: what `import reconciler` offers. It prints nothing, asks nobody and takes no signals.

Everything here mirrors a command, with its options as parameters, and raises the errors of `reconciler.errors`.
"""

from reconciler.api.applying import apply, destroy, rollback
from reconciler.api.endpoint import Endpoint
from reconciler.api.looking import (
    DeploymentStatus,
    DriftReport,
    EndpointStatus,
    Run,
    Status,
    Validation,
    drift,
    history,
    status,
    validate,
)
from reconciler.api.models import create_model
from reconciler.api.plans import Applied, Plan, plan
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
