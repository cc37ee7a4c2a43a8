"""Commands that are loaded when they are asked for, so that a command line begins fast however many there are."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, cast

import typer
from typer._click import Command, Context, HelpFormatter
from typer.core import TyperCommand, TyperGroup

from reconciler.cli.az_command import AzCommand

OF_AZ = frozenset({"online-endpoint", "online-deployment", "model", "environment"})
"""The first words of the commands that are also those of `az ml`."""


class Commands(TyperGroup):
    """The commands of `places`. The first words of those of two are groups, for whoever asks what there is."""

    places: ClassVar[Mapping[str, str]]
    """By name where each is, as `module:function` of this folder."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = cast("dict[str, Command]", _Loaded(self.places))

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """A command, or a group."""
        return super().get_command(ctx, cmd_name) or _group(cmd_name, _within(cmd_name, self.places))

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - the base's form
        """Name each command with what it does, which takes nothing but its docstring."""
        _list(self.places, formatter)


class _Group(TyperGroup):
    """The commands of two words that begin with the same; by itself it shows them."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - the base's form
        _list(cast("_Loaded", self.commands).places, formatter)


class _Loaded(Mapping[str, Command]):
    """Commands by name, each built when it is looked up."""

    def __init__(self, places: Mapping[str, str], group: str = "") -> None:
        self.places, self._group = places, group

    def __getitem__(self, name: str) -> Command:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        others = "\n".join(f"  mlops {name} {inner}" for inner in _within(name, self.places))
        epilog = f"\b\nSee also:\n{others}" if others and not self._group else None
        of_az = AzCommand if f"{self._group} {name}".split()[0] in OF_AZ else None
        app.command(name, cls=of_az, epilog=epilog)(_function(self.places[name]))
        return typer.main.get_command(app)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _group(name: str, places: Mapping[str, str]) -> TyperGroup | None:
    if not places:
        return None
    loaded = cast("dict[str, Command]", _Loaded(places, name))
    said = f"The commands `{name} …`; each has --help with examples."
    return _Group(name=name, commands=loaded, help=said, rich_markup_mode=None)


def _within(group: str, places: Mapping[str, str]) -> dict[str, str]:
    """The commands of two words whose first is this, by the second."""
    return {name.partition(" ")[2]: place for name, place in places.items() if name.startswith(f"{group} ")}


def _function(place: str) -> Callable[..., int | None]:
    module, _, name = place.partition(":")
    found: Callable[..., int | None] = getattr(importlib.import_module(f"reconciler.cli.{module}"), name)
    return found


def _list(places: Mapping[str, str], formatter: HelpFormatter) -> None:
    limit = formatter.width - 6 - max(map(len, places))
    said = [(name, TyperCommand(name, help=inspect.getdoc(_function(place)))) for name, place in places.items()]
    with formatter.section("Commands"):
        formatter.write_dl([(name, command.get_short_help_str(limit)) for name, command in said])
