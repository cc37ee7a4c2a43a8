"""A bylaw is a policy over plans, of `policies/*.yaml`: one expression that denies a plan, or warns of it."""

from collections.abc import Mapping
from dataclasses import field

from reconciler.core.manifest import Source
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass

OVER = ("plan", "resource", "step", "field")
"""What an expression may be asked of: the whole plan, each resource that it changes, each step, each changed field."""


@dataclass(frozen=True)
class Bylaw:
    """One policy over plans.

    Args:
        name: unique in its folder.
        over: one of `OVER`.
        test: the expression; true is a finding.
        denies: whether a finding refuses the plan; else it warns.
        message: what is said of a finding; empty for the description.
        message_expression: an expression that gives the message.
        description: what it is for.
        targets: the only targets that it is for; none for all.
        endpoints: the only endpoints that it is for, `*` standing for any letters; none for all.
        places: by key of the file, where it was written; the whole under the empty key.
    """

    name: str
    over: str
    test: str
    denies: bool
    message: str = ""
    message_expression: str = ""
    description: str = ""
    targets: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    places: Mapping[str, Source] = field(default_factory=dict, compare=False)

    @property
    def place(self) -> Source:
        """Where it begins."""
        return self.places[""]


@dataclass(frozen=True)
class Bylaws:
    """What a folder says of plans.

    Args:
        found: those without a mistake, sorted by file and line.
        problems: what is wrong with the files, or to be told of them.
    """

    found: tuple[Bylaw, ...] = ()
    problems: tuple[Problem, ...] = ()
