"""What a plan keeps secret is taken out of what a platform says: errors, reports, the logs that come with them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from urllib.parse import quote, quote_plus

from reconciler.core.plan import Plan
from reconciler.core.secret import HIDDEN, credentials_in, secrets_of

_SHORTEST = 6
"""What is shorter stands in many words, such as `true` or `8080`, and would make them unreadable."""


def concealer(plan: Plan) -> Callable[[str], str]:
    """Give what replaces every secret value of a plan in a text, as it is or as JSON, Python or an address has it."""
    found = (secret for step in plan.steps for spec in (step.before, step.after) for secret in secrets_of(spec))
    values = {value for secret in found if secret.value for value in _parts(secret.value, whole=not secret.shown)}
    forms = {form for value in values for form in _forms(value) if len(form) >= _SHORTEST}
    begins: dict[str, list[str]] = {}
    for form in sorted(forms, key=len, reverse=True):
        begins.setdefault(form[:_SHORTEST], []).append(form)
    return partial(_concealed, begins) if forms else lambda text: text


def _concealed(begins: Mapping[str, Sequence[str]], text: str) -> str:
    """The text without these: found by how they begin, as a pattern of thousands takes milliseconds for a line."""
    parts, kept, place = list[str](), 0, 0
    while place <= len(text) - _SHORTEST:
        possible = begins.get(text[place : place + _SHORTEST])
        form = next((each for each in possible if text.startswith(each, place)), "") if possible else ""
        if form:
            parts += (text[kept:place], HIDDEN)
            kept = place = place + len(form)
        else:
            place += 1
    return "".join((*parts, text[kept:]))


def _parts(value: str, *, whole: bool) -> Iterator[str]:
    """What of a value is secret by itself: each line of a key, user and password of an address."""
    if whole:
        yield value
        yield from value.splitlines()
    for credentials in credentials_in(value):
        yield credentials
        yield credentials.partition(":")[2]


def _forms(value: str) -> Iterator[str]:
    yield value
    yield value.strip()
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value)
    yield quote(value, safe="")
    yield quote_plus(value)
