"""A failure is why a command came to nothing, for whoever reads its report and not its log."""

from reconciler.core.plan import Plan
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Failure:
    """An error as a report tells it.

    Args:
        command: such as `plan`.
        target: the name of the target; empty where it is not known.
        exit_code: what the command ends with.
        message: what is wrong and what to do, in one line or more; foreign text is in it.
        problems: those of the files, where they are what is wrong.
        plan: the plan that was refused, where there is one.
    """

    command: str
    target: str
    exit_code: int
    message: str
    problems: tuple[Problem, ...] = ()
    plan: Plan | None = None
