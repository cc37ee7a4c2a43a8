"""The lines of a memory target's file: how the tool writes an object, and what a line in that form or another says."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Any

from reconciler.core.address import Address
from reconciler.core.secret import sealed, spec_from_json, specs_from_json
from reconciler.core.state import Live
from reconciler.late import pattern

# What stands before an object's spec, of an address that is one. Nothing in it is escaped.
_NAME, _TEXT, _NUMBER = rb"[\w.-]+", rb'"[ !#-\[\]-~]*"', rb"(?:0|[1-9][0-9]{0,17})"
_FORM = pattern(
    rb'\{"address": "(endpoint/%b|deployment/%b/%b|(?:model|environment)/%b:%b)", "fence": (%b), "lineage": (%b), '
    rb'"generation": (%b), "operation": (%b), "created": (%b), "spec": (?=\{)'
    % (*[_NAME] * 5, _NUMBER, _TEXT, _NUMBER, _TEXT, _TEXT)
)
BEGINS = b'{"address": "'
"""How a line of the tool's begins, before the address."""


def line_of(address: Address, live: Live | None, fence: int) -> str:
    """The line of an object; without one, of what is refused at its address."""
    held: dict[str, Any] = {"address": str(address), "fence": fence}
    if live:
        held |= {"lineage": live.lineage, "generation": live.generation, "operation": live.operation}
        held |= {"created": live.created}
        held["spec"] = sealed(live.spec)
    return json.dumps(held) + "\n"


def digest_of(line: bytes) -> str:
    """The digest of an object by its line."""
    return hashlib.sha256(line).hexdigest()


def is_of_another(line: bytes, names: Set[bytes]) -> bool:
    """Whether a line is surely an object of none of these addresses: its own stands there once, first, and as it is."""
    start = len(BEGINS)
    if not line.startswith(BEGINS) or line[start : line.find(b'"', start)] in names:
        return False
    return b"\\" not in line and line.find(b'"address"', start) < 0 and line.endswith(b"}}\n")


def in_form(line: bytes) -> re.Match[bytes] | None:
    """The form of an object's line, whose address can be told from how it begins.

    A name that stands there twice means what the second one says. A last line without an end may be cut off.
    """
    sure = line.endswith(b"}}\n") and b"\0" not in line and (b"\\" not in line or b"\\u" not in line)
    sure = sure and line.count(b'"address"') == line.count(b'"spec"') == 1
    return _FORM.match(line) if sure else None


def together(lines: Sequence[bytes]) -> Sequence[Mapping[str, Any] | None]:
    """What lines say, decoded at once in less time and room; nothing where one of them is not in the tool's form.

    What stands behind the form is read once, however many lines have the same: in a large target most are like some
    others.
    """
    forms = [form for line in lines if (form := in_form(line))]
    if len(forms) == len(lines):
        rests = [line[form.end() :] for line, form in zip(lines, forms, strict=True)]
        with suppress(ValueError):
            said = _each_once(rests)
            return [_before(form) | said[rest] for form, rest in zip(forms, rests, strict=True)]
    return [None] * len(lines)


def _each_once(rests: Sequence[bytes]) -> Mapping[bytes, dict[str, Any]]:
    """What lines say of their specs, and behind these, by what stands behind the form.

    Raises:
        ValueError: one of them is no JSON.
    """
    unlike = list(dict.fromkeys(rests))
    said = specs_from_json([f'{{"spec": {rest.decode("utf-8", "surrogatepass")}' for rest in unlike])
    # Lines that are no JSON by themselves may be some together, but then one of them has no spec.
    if not all(isinstance(each, dict) and "spec" in each for each in said):
        raise ValueError("lines are some JSON together")
    return dict(zip(unlike, said, strict=True))


def _before(form: re.Match[bytes]) -> dict[str, Any]:
    """What a line says before its spec, as decoding it would tell."""
    address, fence, lineage, generation, operation, created = [each.decode("ascii") for each in form.groups()]
    return {
        "address": address,
        "fence": int(fence),
        "lineage": lineage[1:-1],
        "generation": int(generation),
        "operation": operation[1:-1],
        "created": created[1:-1],
    }


def decoded(line: bytes) -> Mapping[str, Any] | None:
    """What a line says; None where it says nothing.

    Raises:
        ValueError: it is no JSON.
    """
    # Zeros are what a power cut leaves of a line whose write was never acknowledged.
    if not line.strip() or b"\0" in line:
        return None
    try:
        held: Mapping[str, Any] | None = spec_from_json(line)
    except json.JSONDecodeError:
        if line.endswith(b"\n"):
            raise
        return None  # The last line has no end: its write was cut off, so it was never acknowledged.
    return held
