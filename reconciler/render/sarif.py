"""The problems of files, and drift, as SARIF 2.1.0: a result each, at its place, known again when it is told again.

The standard's sections are named where a line is there for one of them.
"""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.core.address import Address
from reconciler.core.failure import Failure
from reconciler.core.manifest import Manifest, Source
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.text import drift_lines
from reconciler.render.values import Veil, lines_text

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SETTINGS = Source("mlops.yaml", 1)
_OF_DRIFT = {
    DriftClass.CHANGED: "A live object is not as it is recorded: somebody changed it, or it lost something.",
    DriftClass.MISSING: "What is recorded is not there any more; the next apply makes it again.",
    DriftClass.UNMANAGED: "A live object is in no record; `mlops import` takes it over.",
    DriftClass.LABEL: "A label such as @latest would be another version now than the one that was pinned.",
}
_ERRORS = (DriftClass.CHANGED, DriftClass.MISSING)


def problems_sarif(problems: Sequence[Problem], *, target: str = "", prefix: str = "") -> dict[str, Any]:
    """What a validation found.

    Args:
        problems: in their order.
        target: for which the files were read.
        prefix: the folder that their places count from, below the root of the repository.
    """
    from reconciler.core.codes import CODES  # noqa: PLC0415 - a text of its own, which little else needs

    rules = {problem.code: _rule(problem.code, _level(problem), CODES.get(problem.code, "")) for problem in problems}
    results = [_problem(problem, prefix) for problem in problems]
    return _log("validate", target, rules, results)


def drift_sarif(
    drifts: Sequence[Drift], *, target: str, manifests: Mapping[Address, Manifest] | None = None, prefix: str = ""
) -> dict[str, Any]:
    """What changed behind git's back; what is as expected is no result.

    Args:
        drifts: in their order.
        target: the name of the target.
        manifests: that define the resources, where the first field that differs is told, as far as it is written;
            what they do not define is told at mlops.yaml.
        prefix: the folder that places count from, below the root of the repository.
    """
    veil, manifests = Veil(), manifests or {}
    told = [drift for drift in drifts if drift.kind is not DriftClass.EXPECTED]
    rules = {_id(drift): _rule(_id(drift), _severity(drift), _OF_DRIFT.get(drift.kind, "")) for drift in told}
    results = []
    for drift in told:
        place = _place(drift, manifests.get(drift.address))
        text = lines_text(line.strip() for line in drift_lines(drift, veil)).partition(" ")[2]
        known = (target, str(drift.address), str(drift.kind))
        result = _result(_id(drift), _severity(drift), text, known, (place.file, place.line, place.column), prefix)
        named = {"fullyQualifiedName": str(drift.address), "kind": "resource"}
        result["locations"][0]["logicalLocations"] = [named]
        results.append(result)
    return _log("drift", target, rules, results)


def failure_sarif(failure: Failure, *, prefix: str = "") -> dict[str, Any]:
    """Why a command came to nothing, as a run that did not succeed (§3.20.14)."""
    log = problems_sarif(failure.problems, target=failure.target, prefix=prefix)
    run = log["runs"][0]
    run["automationDetails"] = _category(failure.command, failure.target)
    notice = {"level": "error", "message": {"text": _inert(failure.message)}}
    run["invocations"] = [
        {"executionSuccessful": False, "exitCode": failure.exit_code, "toolExecutionNotifications": [notice]}
    ]
    return log


def _place(drift: Drift, manifest: Manifest | None) -> Source:
    if manifest is None:
        return _SETTINGS
    return manifest.source(drift.fields[0].path if drift.fields else "")


def _log(command: str, target: str, rules: Mapping[str, Any], results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    places = list(rules)
    run = {
        "tool": {"driver": {"name": "mlops", "version": __version__, "rules": list(rules.values())}},
        "automationDetails": _category(command, target),
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": [{**result, "ruleIndex": places.index(result["ruleId"])} for result in _told_apart(results)],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _category(command: str, target: str) -> dict[str, str]:
    """What tells this run's results from those of others (§3.17.3): a slash at its end, as no run has a name."""
    return {"id": f"mlops/{command}/{quote(target, safe='', errors='replace')}{'/' if target else ''}"}


def _rule(code: str, level: str, said: str) -> dict[str, Any]:
    text = said or f"{code}: see its message."
    return {
        "id": code,
        "shortDescription": {"text": f"{text.partition('. ')[0].rstrip('.')}."},
        "fullDescription": {"text": text},
        "help": {"text": text},
        "defaultConfiguration": {"level": level},
    }


def _problem(problem: Problem, prefix: str) -> dict[str, Any]:
    known = (problem.code, _uri(problem.file, prefix), problem.message)
    place = (problem.file, problem.line, problem.column)
    return _result(problem.code, _level(problem), problem.message, known, place, prefix)


def _result(
    rule: str, level: str, text: str, known: Sequence[str], place: tuple[str, int, int], prefix: str
) -> dict[str, Any]:
    """One result; `known` is what it is known by when it is found again, wherever its line has moved to."""
    file, line, column = place
    artifact = {"uri": _uri(file, prefix), "uriBaseId": "%SRCROOT%"}
    region = {"startLine": max(line, 1), "startColumn": max(column, 1)}
    digest = hashlib.sha256("\0".join(known).encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": _inert(text)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
        "partialFingerprints": {"mlops/v1": digest},
    }


def _told_apart(results: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same results, those of one fingerprint counted, so that two are not taken for one."""
    met: Counter[str] = Counter()
    for result in results:
        digest = result["partialFingerprints"]["mlops/v1"]
        met[digest] += 1
        yield {**result, "partialFingerprints": {"mlops/v1": f"{digest}:{met[digest]}"}}


def _uri(file: str, prefix: str) -> str:
    """A path from the root of the repository as a relative reference (§3.4.4): a colon in it begins no scheme."""
    path = posixpath.normpath(posixpath.join(prefix, file.replace("\\", "/")))
    return quote(path.lstrip("/") or ".", safe="/", errors="replace")


def _inert(text: str) -> str:
    """A message without links (§3.11.6), which a viewer would make of foreign text."""
    return lines_text(text.splitlines()).replace("](", "] (") or "-"


def _level(problem: Problem) -> str:
    return "error" if problem.is_error else "warning"


def _severity(drift: Drift) -> str:
    return "error" if drift.kind in _ERRORS else "warning"


def _id(drift: Drift) -> str:
    return f"drift-{drift.kind}"
