"""Commands that are loaded when they are asked for, so that a command line begins fast however many there are."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, ClassVar, cast

import typer
from typer._click import Command, Context, HelpFormatter
from typer.core import TyperCommand, TyperGroup

from reconciler.cli.declaring import for_typer

OF_AZ = frozenset({"online-endpoint", "online-deployment", "model", "environment"})
"""The first words of the commands that are also those of `az ml`."""


class Commands(TyperGroup):
    """The commands of `places`. The first words of those of two are groups, for whoever asks what there is."""

    places: ClassVar[Mapping[str, str]]
    """By name where each is, as `module:function` of this folder."""
    said: ClassVar[Mapping[str, str]]
    """By name what each does, in one sentence."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = cast("dict[str, Command]", _Loaded(self.places))

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """A command, or a group."""
        found = super().get_command(ctx, cmd_name)
        return found or _group(cmd_name, _within(cmd_name, self.places), _within(cmd_name, self.said))

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - the base's form
        """Name each command with what it does, and load none of them."""
        _list(self.said, formatter)


class _Group(TyperGroup):
    """The commands of two words that begin with the same; by itself it shows them."""

    def __init__(self, said: Mapping[str, str], **attrs: Any) -> None:
        super().__init__(**attrs)
        self._said = said

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - the base's form
        _list(self._said, formatter)


class _Loaded(Mapping[str, Command]):
    """Commands by name, each built when it is looked up."""

    def __init__(self, places: Mapping[str, str], group: str = "") -> None:
        self.places, self._group = places, group

    def __getitem__(self, name: str) -> Command:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        others = "\n".join(f"  mlops {name} {inner}" for inner in _within(name, self.places))
        epilog = f"\b\nSee also:\n{others}" if others and not self._group else None
        app.command(name, cls=_class_of(f"{self._group} {name}"), epilog=epilog)(_function(self.places[name]))
        return typer.main.get_command(app)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _class_of(words: str) -> type[TyperCommand] | None:
    """How a command of so many words reads its own."""
    if words.split(maxsplit=1)[0] not in OF_AZ:
        return None
    from reconciler.cli.az_command import AzCommand  # noqa: PLC0415 - argparse, which no other command needs

    return AzCommand


def _group(name: str, places: Mapping[str, str], said: Mapping[str, str]) -> TyperGroup | None:
    if not places:
        return None
    loaded = cast("dict[str, Command]", _Loaded(places, name))
    text = f"The commands `{name} …`; each has --help with examples."
    return _Group(said, name=name, commands=loaded, help=text, rich_markup_mode=None)


def _within(group: str, told: Mapping[str, str]) -> dict[str, str]:
    """What is told of the commands of two words whose first is this, by the second."""
    return {name.partition(" ")[2]: each for name, each in told.items() if name.startswith(f"{group} ")}


def _function(place: str) -> Callable[..., int | None]:
    module, _, name = place.partition(":")
    return as_typer_reads(getattr(importlib.import_module(f"reconciler.cli.{module}"), name))


def as_typer_reads(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """A command with what it takes declared in typer's way."""

    @wraps(function)
    def command(**given: Any) -> int | None:
        return function(**given)

    signature = inspect.signature(function)
    parameters = [each.replace(annotation=for_typer(each.annotation)) for each in signature.parameters.values()]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # what inspect reads
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _list(said: Mapping[str, str], formatter: HelpFormatter) -> None:
    limit = formatter.width - 6 - max(map(len, said))
    with formatter.section("Commands"):
        formatter.write_dl(
            [(name, TyperCommand(name, help=text).get_short_help_str(limit)) for name, text in said.items()]
        )
