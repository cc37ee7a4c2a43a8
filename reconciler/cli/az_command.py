"""A command that takes its words as the Azure CLI does: Python's argparse reads them, as it does there.

Scripts write `--endpoint x` for `--endpoint-name x`, `--set a=1 b=2`, `-n=x`, `--traffic blue=90 green=10`.
"""

import argparse
import shlex
from collections.abc import Sequence
from typing import Any, NoReturn

from typer._click import Context, Parameter
from typer._click.exceptions import UsageError
from typer.core import TyperCommand, TyperOption

_TOGETHER = ("--add", "--remove")
"""Options whose values belong together, as the first says what the others are for: they come as one, shell-quoted."""

_THREE_STATE = ("--local", "--local-enable-gpu")
"""Flags that may have `true` or `false` behind them, as they have there; alone they are true."""

_OF_NO_ACCOUNT = (["--verbose"], ["--resource-group", "-g"], ["--workspace-name", "-w"], ["--subscription"])
"""Options that each command takes, as scripts give them, and makes nothing of: a target has no subscription."""


class AzCommand(TyperCommand):
    """A command of `az ml` under the same name."""

    def __init__(self, name: str | None, *, params: Sequence[Parameter] = (), **attrs: Any) -> None:
        super().__init__(name, params=[*params, *map(_of_no_account, _OF_NO_ACCOUNT)], **attrs)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Write out what is abbreviated, then read as any other command does."""
        reader = _Reader(ctx)
        reader.add_argument(*ctx.help_option_names, dest=ctx.help_option_names[0], action=_Spelled, nargs=0)
        for option in self.params:
            if isinstance(option, TyperOption):
                _add(reader, option)
        found, left = reader.parse_known_args(args, argparse.Namespace(words=[]))
        return super().parse_args(ctx, [*found.words, *left])


def _of_no_account(names: list[str]) -> TyperOption:
    flag = names == ["--verbose"]
    value, help_ = False if flag else "", "Taken and of no account."
    return TyperOption(
        param_decls=names, is_flag=flag, default=value, expose_value=False, show_default=False, help=help_
    )


def _add(reader: argparse.ArgumentParser, option: TyperOption) -> None:
    name = option.opts[0]
    if name in _THREE_STATE:
        choices = ("false", "true")
        reader.add_argument(name, dest=name, action=_Switched, nargs="?", const="true", type=str.lower, choices=choices)
    else:
        reader.add_argument(*option.opts, dest=name, action=_Spelled, nargs=_count(option))


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


class _Switched(argparse.Action):
    """Notes a flag that is true, and forgets one that is false in the end."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's signature
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002 - as above
    ) -> None:
        others = [word for word in namespace.words if word != self.dest]
        namespace.words = [*others, self.dest] if values == "true" else others


def _count(option: TyperOption) -> int | str | None:
    """How many values it takes, in argparse's words."""
    if option.is_flag:
        return 0
    return "+" if option.multiple else None
