"""A validation as JUnit's XML, in the form that GitLab, Jenkins, Azure Pipelines and GitHub's reporters read.

A test case is a file: it fails with all of its errors in one `failure`, as several of them are not read everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from reconciler.core.failure import Failure
from reconciler.core.problem import Problem
from reconciler.render.values import lines_text, log_line

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def problems_junit(problems: Sequence[Problem], *, files: Iterable[str], target: str = "") -> str:
    """What a validation found.

    Args:
        problems: errors fail the case of their file, warnings are what it printed.
        files: those that were read; one without problems passes.
        target: for which they were read.
    """
    by_file: dict[str, list[Problem]] = {file: [] for file in files}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    cases = [line for file, found in sorted(by_file.items()) for line in _case(file, found)]
    failed = sum(any(problem.is_error for problem in found) for found in by_file.values())
    name = f"mlops validate {target}".strip()
    return "\n".join(_suites(name, cases, tests=len(by_file), failures=failed))


def failure_junit(failure: Failure) -> str:
    """Why a command came to nothing, as the one test case that failed."""
    name = f"mlops {failure.command} {failure.target}".strip()
    said = failure.message.partition("\n")[0]
    body = [
        f"      <failure{_of({'message': said, 'type': 'failure'})}>{_text(failure.message.splitlines())}</failure>"
    ]
    case = [f"    <testcase{_of({'name': name, 'classname': 'mlops'})}>", *body, "    </testcase>"]
    return "\n".join(_suites(name, case, tests=1, failures=1))


def _suites(name: str, cases: Sequence[str], *, tests: int, failures: int) -> list[str]:
    counts = {"tests": tests, "failures": failures, "errors": 0, "skipped": 0, "time": 0}
    head, suite = f"<testsuites{_of({'name': name, **counts})}>", f"  <testsuite{_of({'name': name, **counts})}>"
    return [_HEAD, head, suite, *cases, "  </testsuite>", "</testsuites>"]


def _case(file: str, found: Sequence[Problem]) -> list[str]:
    head = f"    <testcase{_of({'name': file, 'classname': 'mlops.validate', 'file': file, 'time': 0})}"
    errors = [problem for problem in found if problem.is_error]
    warnings = [str(problem) for problem in found if not problem.is_error]
    if not found:
        return [f"{head}/>"]
    lines = [f"{head}>"]
    if errors:
        first = errors[0]
        said = f"{first.code}: {first.message}" if len(errors) == 1 else f"{len(errors)} errors, first {first.code}"
        told = _text(map(str, errors))
        lines.append(f"      <failure{_of({'message': said, 'type': first.code})}>{told}</failure>")
    if warnings:
        lines.append(f"      <system-out>{_text(warnings)}</system-out>")
    return [*lines, "    </testcase>"]


def _of(attributes: Mapping[str, object]) -> str:
    return "".join(f" {name}={quoteattr(log_line(str(value)))}" for name, value in attributes.items())


def _text(lines: Iterable[str]) -> str:
    """Lines as XML has them: what no XML can hold, as a control character, is spelled out."""
    return escape(lines_text(lines))
