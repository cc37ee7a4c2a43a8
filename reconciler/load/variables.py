"""`{{NAME}}` is replaced as text before anything is parsed; `${{…}}` belongs to Azure and is left alone."""

import re
from collections.abc import Mapping

from reconciler.core.problem import Problem
from reconciler.load.place import Here
from reconciler.load.words import did_you_mean

_VARIABLE = re.compile(r"(?<!\$)\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_COMMENT = re.compile(r"(?:^|\s)#")


def replaced(text: str, variables: Mapping[str, str], here: Here, problems: list[Problem]) -> str:
    """The text with its variables' values; a variable that is missing, or would move lines, is added to `problems`."""
    if "{{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        start = text.rfind("\n", 0, found.start()) + 1
        if _COMMENT.search(text[start : found.start()]):
            return found[0]
        given = variables.get(found[1])
        if given is not None and not re.search(r"[\r\n\x85\u2028\u2029]", given):
            return given
        line, column = text.count("\n", 0, found.start()) + 1, found.start() - start + 1
        problems.append(here.problem(line, column, "E-VARIABLE", _message(found[1], given, variables)))
        return "missing"

    return _VARIABLE.sub(value, text)


def uses_variables(data: bytes) -> bool:
    """Whether a file's meaning may depend on variables."""
    return b"{{" in data


def _message(name: str, given: str | None, variables: Mapping[str, str]) -> str:
    if given is not None:
        return f"variable {name} holds a line break; give it in one line"
    hint = did_you_mean(name, variables)
    return f"variable {name} has no value{hint}; give it with --var {name}=VALUE or under variables: in mlops.yaml"
