"""A command that takes its words as the Azure CLI does: Python's argparse reads them, as it does there.

Scripts write `--endpoint x` for `--endpoint-name x`, `--set a=1 b=2`, `-n=x`, `--traffic blue=90 green=10`.
"""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any, NoReturn

from typer._click import Context
from typer._click.exceptions import UsageError
from typer.core import TyperCommand, TyperOption

_TOGETHER = ("--add", "--remove")
"""Options whose values belong together, as the first says what the others are for: they come as one, shell-quoted."""


class AzCommand(TyperCommand):
    """A command of `az ml` under the same name."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Write out what is abbreviated, then read as any other command does."""
        reader = _Reader(ctx)
        reader.add_argument(*ctx.help_option_names, dest=ctx.help_option_names[0], action=_Spelled, nargs=0)
        for option in self.params:
            if isinstance(option, TyperOption):
                reader.add_argument(*option.opts, dest=option.opts[0], action=_Spelled, nargs=_count(option))
        found, left = reader.parse_known_args(args, argparse.Namespace(words=[]))
        return super().parse_args(ctx, [*found.words, *left])


class _Reader(argparse.ArgumentParser):
    def __init__(self, ctx: Context) -> None:
        super().__init__(add_help=False, argument_default=argparse.SUPPRESS)
        self._context = ctx

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self._context)


class _Spelled(argparse.Action):
    """Notes an option under its whole name, and again for each further value of one that takes several."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's signature
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002 - as above
    ) -> None:
        if self.nargs == 0:
            namespace.words.append(self.dest)
            return
        each = [values] if isinstance(values, str) else values or ()
        each = [shlex.join(each)] if self.dest in _TOGETHER else each
        namespace.words += [f"{self.dest}={value}" for value in each]


def _count(option: TyperOption) -> int | str | None:
    """How many values it takes, in argparse's words."""
    if option.is_flag:
        return 0
    return "+" if option.multiple else None
