"""`{{NAME}}` is replaced as text before anything is parsed; `${{…}}` belongs to Azure and is left alone."""

from collections.abc import Iterator, Mapping
from itertools import islice

from reconciler.core.problem import Problem
from reconciler.core.words import did_you_mean
from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.checking.check import MOST
from reconciler.load.place import Here
from reconciler.load.yaml.nodes import Unreadable
from reconciler.load.yaml.text import MAX_BYTES

_VARIABLE = pattern(r"(?<!\$)\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_COMMENT = pattern(r"(?<!\S)#")
_BREAK = pattern(r"[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True)
class _Use:
    """A variable that stands outside of comments: where it begins and ends in the text, and its place."""

    name: str
    begin: int
    end: int
    line: int
    column: int


def replaced(text: str, variables: Mapping[str, str], here: Here, problems: list[Problem]) -> str:
    """The text with its variables' values; a variable that is missing, or would move lines, is added to `problems`.

    Raises:
        Unreadable: with its values the text is longer than any file may be.
    """
    if "{{" not in text:
        return text
    uses = list(_uses(text))
    if len(text) + sum(len(variables.get(use.name, "")) for use in uses) > MAX_BYTES:
        message = f"with its variables the file is more than {MAX_BYTES} bytes"
        raise Unreadable(here.problem(1, 1, "E-YAML-SIZE", message))
    wrong = {use.name: _wrong(use.name, variables) for use in uses}
    missed = islice((use for use in uses if wrong[use.name]), MOST + 1)
    problems += [here.problem(use.line, use.column, "E-VARIABLE", wrong[use.name]) for use in missed]
    parts, at = [], 0
    for use in uses:
        parts += [text[at : use.begin], "missing" if wrong[use.name] else variables[use.name]]
        at = use.end
    return "".join([*parts, text[at:]])


def _uses(text: str) -> Iterator[_Use]:
    line, start, comment, at = 1, -1, 0, 0
    for found in _VARIABLE.finditer(text):
        breaks = text.count("\n", at, found.start())
        if breaks or start < 0:
            line, start = line + breaks, text.rfind("\n", 0, found.start()) + 1
            end = text.find("\n", start)
            written = _COMMENT.search(text, start, len(text) if end < 0 else end)
            comment = written.start() if written else len(text)
        at = found.end()
        if found.start() < comment:
            yield _Use(found[1], found.start(), found.end(), line, found.start() - start + 1)


def uses_variables(data: bytes) -> bool:
    """Whether a file's meaning may depend on variables."""
    return b"{{" in data


def _wrong(name: str, variables: Mapping[str, str]) -> str:
    """What is wrong with a variable; empty when nothing is."""
    if name in variables:
        return f"variable {name} holds a line break; give it in one line" if _BREAK.search(variables[name]) else ""
    hint = did_you_mean(name, variables)
    return f"variable {name} has no value{hint}; give it with --var {name}=VALUE or under variables: in mlops.yaml"
