"""`policies/*.yaml`: policies over plans, one a document, and what is wrong with their files."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.core.bylaw import OVER, Bylaw, Bylaws
from reconciler.core.manifest import Source
from reconciler.core.problem import Problem
from reconciler.load.disk.roots import git_root
from reconciler.load.folder import located
from reconciler.load.place import Here, inside
from reconciler.load.settings.values import REQUIRED, Field, Values
from reconciler.load.yaml.document import document
from reconciler.load.yaml.nodes import Unreadable, documents
from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.text import MAX_BYTES, decoded
from reconciler.record.files import open_regular

_LONGEST = 4000
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")


def read_bylaws(path: str, *, within: Path | None = None, start: str = "", cached: bool = True) -> Bylaws:
    """The bylaws of a folder, a file, or `REV:PATH`.

    Args:
        path: what holds them.
        within: the folder that they may not be outside of, also not by a link.
        start: a folder of the repository that a revision is of; by default the current one.
        cached: as for `load.repository.revision.laid_out`.

    Raises:
        ManifestError: there is no such thing.
    """
    real = os.path.realpath(path)
    if within and not inside(real, os.path.realpath(git_root(str(within)) or within)):
        return Bylaws((), (Problem(path, 1, 1, "E-LINK-OUT", f"{path} links to {real}, outside the repository"),))
    place = located(path, start, cached=cached)
    problems = [
        here.problem(1, 1, "E-LINK-OUT", f"{here.relative} links to {real}, outside the repository")
        for here, real in place.links_out
    ]
    found: list[Bylaw] = []
    for here in place.files:
        found += _read(here, problems)
    return Bylaws(tuple(_each_once(found, problems)), tuple(sorted(set(problems))))


def has_none(path: str, folder: str, *, start: str = "", cached: bool = True) -> bool:
    """Whether a path is a revision's folder of the usual name, and the revision, which is there, has no such folder.

    Raises:
        ManifestError: there is no such revision.
    """
    revision, colon, inner = path.partition(":")
    if not colon or not revision or Path(path).exists() or PurePosixPath(inner).name != folder:
        return False
    from reconciler.load.repository.revision import laid_out  # noqa: PLC0415 - only files of a revision need it

    return not os.path.lexists(Path(laid_out(revision, ".", start=start, cached=cached), inner))


def _each_once(found: Sequence[Bylaw], problems: list[Problem]) -> Iterator[Bylaw]:
    first: dict[str, Bylaw] = {}
    for each in found:
        other = first.setdefault(each.name, each)
        if other is each:
            yield each
            continue
        at = each.places["name"]
        message = f"name: {each.name} is the name of the policy of {other.place}, too"
        problems.append(Problem(at.file, at.line, at.column, "E-BYLAW", message))


def _read(here: Here, problems: list[Problem]) -> list[Bylaw]:
    try:
        with open_regular(here.path) as file:
            text = decoded(file.read(MAX_BYTES + 1), here)
    except OSError as error:
        text = here.problem(1, 1, "E-PATH", f"cannot be read: {error.strerror or error}")
    if isinstance(text, Problem):
        problems.append(text)
        return []
    try:
        tops = [document(top, here, problems) for top in documents(text, here, problems)]
    except Unreadable as error:
        problems.append(error.problem)
        return []
    return [made for one in tops if (made := _Reader(one, here, problems).bylaw())]


class _Reader:
    """Reads one document; what is wrong is gathered with its place."""

    def __init__(self, one: Document, here: Here, problems: list[Problem]) -> None:
        self._one, self._here, self._problems = one, here, problems
        self._before = len(problems)
        self._values = Values(self)

    def bylaw(self) -> Bylaw | None:
        """The policy; None where there is a mistake in it."""
        given = self._one.value
        if not isinstance(given, Mapping):
            self.wrong("", "a policy is a mapping with name, over, deny_if or warn_if, and message")
            return None
        read = self._values.fields("", given, self._fields())
        self._exclusive(given, "deny_if", "warn_if", needed=True)
        self._exclusive(given, "message", "message_expression", needed=False)
        if read.get("over") == "plan" and read.get("endpoints"):
            self.wrong("endpoints", "a policy over the whole plan is for every endpoint; say over: resource")
        return self._made(read) if len(self._problems) == self._before else None

    def _fields(self) -> dict[str, Field]:
        texts = self._values.list(self._values.text)
        return {
            "name": Field(self._name, REQUIRED),
            "description": Field(self._values.text, ""),
            "over": Field(self._values.word(*OVER), REQUIRED),
            "targets": Field(texts, []),
            "endpoints": Field(texts, []),
            "deny_if": Field(self._expression),
            "warn_if": Field(self._expression),
            "message": Field(self._values.text, ""),
            "message_expression": Field(self._expression, ""),
        }

    def _made(self, read: Mapping[str, Any]) -> Bylaw:
        places = {path: Source(self._here.shown, *place) for path, place in self._one.positions.items()}
        return Bylaw(
            name=read["name"],
            over=read["over"],
            test=read.get("deny_if") or read["warn_if"],
            denies="deny_if" in read,
            message=read["message"],
            message_expression=read["message_expression"],
            description=read["description"],
            targets=tuple(read["targets"]),
            endpoints=tuple(each.lower() for each in read["endpoints"]),
            places=places,
        )

    def _exclusive(self, given: Mapping[str, Any], *names: str, needed: bool) -> None:
        there = [name for name in names if given.get(name) is not None]
        if len(there) > 1 or (needed and not there):
            told = " and ".join(there) or "neither"
            self.wrong(there[-1] if there else "", f"give one of {' and '.join(names)}; here is {told}")

    def _name(self, path: str, given: Any) -> Any:
        if isinstance(given, str) and _NAME.fullmatch(given):
            return given
        return self._values.refused(path, "expected a name of small letters, digits, dashes and dots, up to 100")

    def _expression(self, path: str, given: Any) -> Any:
        if not isinstance(given, str) or not given.strip():
            seen = self.written(path, given)
            seen = f"; here is {seen}" if isinstance(seen, str) and seen else ""
            return self._values.refused(path, f"expected an expression, as text in quotes or after >{seen}")
        if len(given) > _LONGEST:
            return self._values.refused(path, f"expected at most {_LONGEST} characters; here are {len(given)}")
        return given

    def written(self, path: str, value: Any) -> Any:
        """The text of a scalar as it stands in the file."""
        return self._one.written.get(path.lstrip("."), value)

    def wrong(self, path: str, message: str, *, code: str = "E-BYLAW") -> None:  # noqa: ARG002 - one code for all
        """Gather a problem at the place of a field, else of its nearest written parent."""
        path = path.lstrip(".")
        at = path
        while at not in self._one.positions:
            at = at.rpartition(".")[0]
        said = f"{path}: {message}" if path else message
        self._problems.append(self._here.problem(*self._one.positions[at], "E-BYLAW", said))


def differences(ours: Iterable[Bylaw], others: Iterable[Bylaw]) -> Iterator[tuple[Bylaw, str]]:
    """Bylaws of ours that are new or other than theirs, and theirs that ours lack, each with what became of it."""
    mine, theirs = ({each.name: each for each in some} for some in (ours, others))
    for name in sorted(mine.keys() | theirs.keys()):
        if name not in theirs:
            yield mine[name], "is new"
        elif name not in mine:
            yield theirs[name], "is gone"
        elif mine[name] != theirs[name]:
            yield mine[name], "is another"
