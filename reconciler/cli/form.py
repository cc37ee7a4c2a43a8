"""What a form of an answer is, how much of Markdown GitHub takes, and where the rest of it is."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from reconciler.frozen import dataclass
from reconciler.late import pattern

T = TypeVar("T")

COMMENT = 65_536
"""What a comment on GitHub holds at the most."""

SUMMARY = 1 << 20
"""What the summaries of one step of a job hold at the most on GitHub, in bytes."""

_ADDRESS_OF_RUN = pattern(r"https://[\w.-]+(:\d+)?/[\w.-]+/[\w.-]+/actions/runs/\d+", re.ASCII)


@dataclass(frozen=True)
class Forms(Generic[T]):
    """How an answer is written.

    Args:
        written: by the name of the form.
        markdown: takes the budget besides; as the form `summary` it is added to a file of GitHub's.
    """

    written: Mapping[str, Callable[[T], str]]
    markdown: Callable[[T, int], str]

    def names(self) -> tuple[str, ...]:
        """The forms that a file can have."""
        return (*self.written, "markdown", "summary")

    def of(self, form: str, told: T, budget: int) -> str:
        """The answer in a form, without a line end after its last line."""
        said = self.written[form](told) if form in self.written else self.markdown(told, budget)
        return said.removesuffix("\n")


def rest_of(otherwise: str, environ: Mapping[str, str] = os.environ) -> str:
    """Where everything is that has no room in Markdown: in a job of GitHub's the job, by its address."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name, "") for name in names)
    address = f"{server}/{repository}/actions/runs/{run}"
    return f"[This run]({address})" if _ADDRESS_OF_RUN.fullmatch(address) else otherwise
