"""Errors that name an option of a command name the parameter of the Python API in its place."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from reconciler.core.problem import Problem
from reconciler.errors import ManifestError, MlopsError

_OTHERS = {"set": "overrides", "var": "variables"}
_OPTION = re.compile(
    r"(?<![\w-])--(allow-empty|description|endpoint-name|lock-timeout|max-delete|name|only|path|require-clean|set|stage"
    r"|tags|target|type|var|version)(?![\w-])"
)


@contextmanager
def worded() -> Iterator[None]:
    """Have whatever is raised in the block speak of parameters; a command between backticks stays one.

    Raises:
        MlopsError: what was raised, with other words.
    """
    try:
        yield
    except ManifestError as error:
        error.problems = tuple(map(_problem, error.problems))
        error.args = ("\n".join(map(str, error.problems)),)
        raise
    except MlopsError as error:
        error.args = tuple(map(_text, error.args))
        raise


def _problem(problem: Problem) -> Problem:
    file = _text(problem.file).removesuffix("=") if _OPTION.fullmatch(problem.file) else problem.file
    return replace(problem, file=file, message=_text(problem.message))


def _text(text: str) -> str:
    parts = text.split("`")
    parts[::2] = [_OPTION.sub(_parameter, part) for part in parts[::2]]
    return "`".join(parts)


def _parameter(option: re.Match[str]) -> str:
    return f"{_OTHERS.get(option[1], option[1].replace('-', '_'))}="
