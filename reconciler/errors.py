"""The tree of errors: one exit code a branch, caught in one place, `cli/handler.py`.

MlopsError                1   anything a user can mend
├── ManifestError         1   the files are wrong; carries every problem of every file
├── StateError            1   the state store cannot be read, trusted or written
├── ProviderError         1   a platform refused or failed a call
│   └── TransientError    1   in passing: the same call may succeed in a moment
├── InvocationError       1   an endpoint did not answer a request as it should
│   ├── NoAnswerError     1   nothing came back; `maybe_seen` tells whether a model may have got the request
│   ├── UnauthorizedError 1   the key or token does not open the endpoint
│   ├── UnavailableError  1   no instance took the request, so it may be sent again: all are busy, or none is ready
│   └── ModelError        1   the model failed on the request, or broke off its answer
├── LockHeldError         3   another run holds the target's lock
├── RefusedError          4   a guard or preflight refused the plan
├── StepFailedError       5   a step of an apply failed; what ran is recorded
├── StalePlanError        6   a saved plan no longer fits the state, the files or the live side
└── InterruptedRunError 130   the run was interrupted; what ran is recorded
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.inert import log_line

if TYPE_CHECKING:
    from reconciler.core.answer import Answer
    from reconciler.core.plan import Outcome, Plan
    from reconciler.core.problem import Problem


class MlopsError(Exception):
    """Anything that went wrong in a way the message explains in one to three lines.

    Foreign text in it acts on no terminal and no CI's runner, also where Python itself prints it with a traceback.
    """

    exit_code = 1

    def __str__(self) -> str:
        return "\n".join(map(log_line, super().__str__().split("\n")))


class ManifestError(MlopsError):
    """The files are wrong; `problems` holds everything found, sorted by place."""

    def __init__(self, problems: "Sequence[Problem]") -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> "tuple[type[ManifestError], tuple[tuple[Problem, ...]]]":
        return type(self), (self.problems,)


class StateError(MlopsError):
    """The state store cannot be read, trusted or written."""


class ProviderError(MlopsError):
    """A platform refused or failed a call; `log_tail` holds the last lines of the logs that explain it."""

    def __init__(self, message: str, *, log_tail: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.log_tail = tuple(log_tail)


class TransientError(ProviderError):
    """A call that failed in passing, such as a 503, and may be made again with the same operation.

    `retry_after_s` is how long the platform asks to wait, None where it does not say; `maybe_done` is true where only
    the answer was lost, so that the effect may be there.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        maybe_done: bool = False,
        log_tail: Sequence[str] = (),
    ) -> None:
        super().__init__(message, log_tail=log_tail)
        self.retry_after_s, self.maybe_done = retry_after_s, maybe_done


class InvocationError(MlopsError):
    """An endpoint did not answer a request as it should; `answer` is what it said, None where it said nothing."""

    def __init__(self, message: str, *, answer: "Answer | None" = None) -> None:
        super().__init__(message)
        self.answer = answer

    @property
    def status(self) -> int | None:
        """Of HTTP, as the endpoint said it; None where it said nothing."""
        return self.answer.status if self.answer else None


class NoAnswerError(InvocationError):
    """Nothing came back; `maybe_seen` is false where the request certainly reached no model, and may be sent again."""

    def __init__(self, message: str, *, maybe_seen: bool = True) -> None:
        super().__init__(message)
        self.maybe_seen = maybe_seen


class UnauthorizedError(InvocationError):
    """The key or token does not open the endpoint: 401 or 403."""


class UnavailableError(InvocationError):
    """No instance took the request, so that it may be sent again: 429 or 503."""


class ModelError(InvocationError):
    """The model failed on the request, or broke off its answer: 424, of Kubernetes endpoints 502."""


class LockHeldError(MlopsError):
    """Another run holds the target's lock; the message names it, `command` is what it runs as far as that is known."""

    exit_code = 3

    def __init__(self, message: str, *, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class RefusedError(MlopsError):
    """A guard or preflight refused the plan before anything was touched.

    `problems` holds what policies say of it; `plan` is the one, where there is one.
    """

    exit_code = 4

    def __init__(self, message: str, *, problems: "Sequence[Problem]" = (), plan: "Plan | None" = None) -> None:
        super().__init__(message)
        self.problems, self.plan = tuple(problems), plan


class StepFailedError(MlopsError):
    """A step of an apply failed; every outcome was recorded. `outcomes` holds them, in the order of the plan."""

    exit_code = 5

    def __init__(self, message: str, *, outcomes: "Sequence[Outcome]" = ()) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)


class StalePlanError(MlopsError):
    """A saved plan no longer fits the state, the files or a live object."""

    exit_code = 6


class InterruptedRunError(MlopsError):
    """The run was interrupted; running steps were finished and recorded, as `outcomes` tells."""

    exit_code = 130

    def __init__(self, message: str, *, outcomes: "Sequence[Outcome]" = ()) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)
