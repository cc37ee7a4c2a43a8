"""Words of the command line become the values that the pipeline takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.cli.declaring import misread
from reconciler.core.address import Address

if TYPE_CHECKING:
    from reconciler.load import Override
    from reconciler.pipeline import Wish


def wish_of(
    paths: Sequence[str] | None,
    variables: Sequence[str] | None,
    overrides: Sequence[str] | None,
    names: tuple[str, str],
    only: Sequence[str] | None = None,
    refresh: bool = True,
    max_delete: int | None = None,
    allow_empty: bool = False,
    policies: str = "",
    blame: bool = True,
) -> "Wish":
    """What `plan`, `apply` and `validate` are asked for; `names` are those of `--name` and `--endpoint-name`."""
    from reconciler.pipeline import Wish  # noqa: PLC0415 - --help loads none of it

    return Wish(
        tuple(paths or ()),
        variables_of(variables),
        overrides_of(overrides),
        *names,
        addresses_of(only),
        refresh,
        max_delete,
        allow_empty,
        policies,
        blame=blame,
    )


def refuse_to_look_twice(refresh: bool, *, minimal: bool, alone: bool) -> None:
    """Whoever says how much of the live side is read says it once."""
    if minimal and (alone or not refresh):
        other = "--refresh-only reads all of the live side" if alone else "nothing of the live side is read"
        raise misread(f"{other}, and this a part of it", "--minimal-refresh")


def variables_of(words: Sequence[str] | None) -> dict[str, str]:
    """Read every `NAME=VALUE`."""
    pairs = [word.partition("=") for word in words or ()]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise misread(f"write NAME=VALUE, not {name!r}", "--var")
    return {name: value for name, _, value in pairs}


def overrides_of(words: Sequence[str] | None) -> "tuple[Override, ...]":
    """Read every `ADDRESS.FIELD=VALUE`."""
    if not words:
        return ()
    from reconciler.load.overrides import parse_set  # noqa: PLC0415 - needs YAML, which most commands do without

    return tuple(parse_set(word) for word in words)


def address_of(word: str, hint: str | None = None) -> Address:
    """Read one address; `hint` names the option that it is given by."""
    try:
        return Address.parse(word)
    except ValueError as error:
        raise misread(str(error), hint) from error


def addresses_of(words: Sequence[str] | None) -> tuple[Address, ...]:
    """Read the addresses of --only."""
    return tuple(address_of(word, "--only") for word in words or ())
