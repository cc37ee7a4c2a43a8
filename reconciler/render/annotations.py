"""A validation as commands to the runner of a GitHub job, which shows each problem at its line of a pull request.

All in them that is foreign is escaped by the runner's own rules, so that it ends no property and begins no command.
"""

import posixpath
from collections.abc import Iterator, Sequence

from reconciler.core.failure import Failure
from reconciler.core.problem import Problem
from reconciler.render.text import problems_summary
from reconciler.render.values import lines_text, log_line

_IN_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_IN_PROPERTIES = (*_IN_DATA, (":", "%3A"), (",", "%2C"))


def problems_annotations(problems: Sequence[Problem], *, resources: int, prefix: str = "") -> str:
    """A command a problem, errors first, as GitHub shows the first ten of a step alone; then a line for the log.

    Args:
        problems: what was found.
        resources: how many there are.
        prefix: the folder that places count from, below the root of the repository.
    """
    ordered = sorted(problems, key=lambda problem: not problem.is_error)
    told = (_command(problem, prefix) for problem in ordered)
    return "\n".join([*told, problems_summary(problems, resources=resources)])


def failure_annotations(failure: Failure, *, prefix: str = "") -> str:
    """Why a command came to nothing: its problems, or a command that says it."""
    if failure.problems:
        return "\n".join(_command(problem, prefix) for problem in failure.problems)
    said = _escaped(lines_text(failure.message.splitlines()), _IN_DATA)
    return f"::error title={_property(f'mlops {failure.command}')}::{said}"


def _command(problem: Problem, prefix: str) -> str:
    level = "error" if problem.is_error else "warning"
    return f"::{level} {','.join(_properties(problem, prefix))}::{_escaped(log_line(problem.message), _IN_DATA)}"


def _properties(problem: Problem, prefix: str) -> Iterator[str]:
    yield f"file={_property(posixpath.normpath(posixpath.join(prefix, problem.file)))}"
    if problem.line:
        yield f"line={problem.line}"
        yield f"col={problem.column}"
    yield f"title={_property(problem.code)}"


def _property(text: str) -> str:
    return _escaped(log_line(text), _IN_PROPERTIES)


def _escaped(text: str, rules: Sequence[tuple[str, str]]) -> str:
    for character, code in rules:
        text = text.replace(character, code)
    return text
