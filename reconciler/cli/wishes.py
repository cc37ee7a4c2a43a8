"""Words of the command line become the values that the pipeline takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from reconciler.core.address import Address

if TYPE_CHECKING:
    from reconciler.load import Override


def variables_of(words: Sequence[str] | None) -> dict[str, str]:
    """Read every `NAME=VALUE`."""
    pairs = [word.partition("=") for word in words or ()]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise typer.BadParameter(f"write NAME=VALUE, not {name!r}", param_hint="--var")
    return {name: value for name, _, value in pairs}


def overrides_of(words: Sequence[str] | None) -> "tuple[Override, ...]":
    """Read every `ADDRESS.FIELD=VALUE`."""
    from reconciler.load.overrides import parse_set  # noqa: PLC0415 - needs YAML, which most commands do without

    return tuple(parse_set(word) for word in words or ())


def address_of(word: str) -> Address:
    """Read one address."""
    try:
        return Address.parse(word)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def addresses_of(words: Sequence[str] | None) -> tuple[Address, ...]:
    """Read addresses."""
    return tuple(address_of(word) for word in words or ())
