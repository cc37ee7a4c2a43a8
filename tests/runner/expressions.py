"""Expressions of workflows, `${{ … }}`: the part of the language that ours use; what is not known here is refused."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>&&|\|\||==|!=|[!().,\[\]]))"
)
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
STATUS = frozenset({"success", "failure", "cancelled", "always"})


class RefusedExpressionError(Exception):
    """An expression that GitHub might understand, and this does not."""


@dataclass(frozen=True)
class Scope:
    """What an expression may name.

    Args:
        contexts: by name, such as `github`; one that is not there is refused, a property that is not there is null.
        status: what `success()`, `failure()` and `cancelled()` are of; None where they may not stand.
    """

    contexts: Mapping[str, Any]
    status: str | None = None


def evaluate(text: str, scope: Scope) -> Any:
    """The value of one expression, without its braces."""
    reader = _Reader(_tokens(text), scope, text)
    value = reader.either()
    if reader.left:
        raise RefusedExpressionError(f"{text}: {reader.left[0][1]!r} is not understood there")
    return value


def filled(value: Any, scope: Scope) -> Any:
    """A text with its expressions replaced; one that is an expression as a whole keeps its type. Mappings by value."""
    if isinstance(value, Mapping):
        return {key: filled(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, scope) for item in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", value, re.DOTALL)
    if whole:
        return evaluate(whole[1], scope)
    return EXPRESSION.sub(lambda found: as_text(evaluate(found[1], scope)), value)


def condition(text: Any, scope: Scope) -> bool:
    """Whether an `if:` holds; one that asks for no status has `success() &&` before it."""
    bare = str(text if text is not None else "success()").strip()
    whole = EXPRESSION.fullmatch(bare)
    bare = whole[1] if whole else bare
    asks = any(kind == "name" and token in STATUS for kind, token in _tokens(bare))
    return truth(evaluate(bare, scope)) and (asks or scope.status == "success")


def truth(value: Any) -> bool:
    """What counts as true: all but false, 0, null and the empty text."""
    return value not in (False, 0, None, "")


def as_text(value: Any) -> str:
    """A value within a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text.rstrip()):
        token = TOKEN.match(text, place)
        if not token:
            raise RefusedExpressionError(f"{text}: not understood from {text[place:]!r} on")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        place = token.end()
    return found


class _Reader:
    """Reads tokens by precedence; `&&` and `||` give one of their operands, as GitHub's do."""

    def __init__(self, tokens: list[tuple[str, str]], scope: Scope, text: str) -> None:
        self.left, self._scope, self._text = tokens, scope, text

    def either(self) -> Any:
        value = self._both()
        while self._takes("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._takes("&&"):
            other = self._equal()
            value = other if truth(value) else value
        return value

    def _equal(self) -> Any:
        value = self._not()
        while sign := next((sign for sign in ("==", "!=") if self._takes(sign)), None):
            same = _same(value, self._not())
            value = same if sign == "==" else not same
        return value

    def _not(self) -> Any:
        return not truth(self._not()) if self._takes("!") else self._value()

    def _value(self) -> Any:
        if self._takes("("):
            value = self.either()
            self._must(")")
            return value
        kind, token = self._next()
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return float(token)
        if kind != "name":
            raise RefusedExpressionError(f"{self._text}: {token!r} is not understood there")
        if token in WORDS:
            return WORDS[token]
        return self._call(token) if self._takes("(") else self._properties(token)

    def _call(self, name: str) -> Any:
        given = []
        while not self._takes(")"):
            given.append(self.either())
            self._takes(",")
        if name in STATUS:
            if self._scope.status is None:
                raise RefusedExpressionError(f"{self._text}: {name}() may not stand here")
            return name in ("always", self._scope.status)
        if name not in FUNCTIONS:
            raise RefusedExpressionError(f"{self._text}: the function {name} is not known")
        return FUNCTIONS[name](*given)

    def _properties(self, name: str) -> Any:
        if name not in self._scope.contexts:
            raise RefusedExpressionError(f"{self._text}: there is no context {name} here")
        value = self._scope.contexts[name]
        while True:
            if self._takes("."):
                value = _property(value, self._next()[1])
            elif self._takes("["):
                value = _property(value, self.either())
                self._must("]")
            else:
                return value

    def _next(self) -> tuple[str, str]:
        if not self.left:
            raise RefusedExpressionError(f"{self._text}: it ends too early")
        return self.left.pop(0)

    def _takes(self, sign: str) -> bool:
        if self.left and self.left[0] == ("sign", sign):
            self.left.pop(0)
            return True
        return False

    def _must(self, sign: str) -> None:
        if not self._takes(sign):
            raise RefusedExpressionError(f"{self._text}: {sign} is missing")


def _property(value: Any, name: Any) -> Any:
    """A property by its name in any case; null where there is none."""
    if not isinstance(value, Mapping):
        return None
    return next((item for key, item in value.items() if key.lower() == str(name).lower()), None)


def _same(one: Any, other: Any) -> bool:
    """Equality as GitHub has it: texts in any case, different types as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other):
        return bool(one == other)
    return _number(one) == _number(other)


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _contains(whole: Any, part: Any) -> bool:
    return any(_same(item, part) for item in whole) if isinstance(whole, list) else as_text(part) in as_text(whole)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": _contains,
    "startsWith": lambda whole, part: as_text(whole).lower().startswith(as_text(part).lower()),
    "format": lambda text, *given: re.sub(r"\{(\d+)\}", lambda found: as_text(given[int(found[1])]), text),
    "fromJSON": json.loads,
    "toJSON": lambda value: json.dumps(value, indent=2),
}
