"""A command that takes its words as the Azure CLI does: options by their beginning, and several values after one.

Scripts write `--endpoint x` for `--endpoint-name x`, `--set a=1 b=2`, `--traffic blue=90 green=10`.
"""

from collections.abc import Iterator, Sequence

from typer._click import Context
from typer._click.exceptions import NoSuchOption
from typer.core import TyperCommand, TyperOption

_STANDALONE = ("--debug",)  # taken out before any command sees it


class AzCommand(TyperCommand):
    """A command of `az ml` under the same name."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Write out what is abbreviated, then read as any other command does."""
        return super().parse_args(ctx, list(self._written_out(ctx, args)))

    def _written_out(self, ctx: Context, args: Sequence[str]) -> Iterator[str]:
        """Each option under its whole name, and again before each further value of one that takes several."""
        options = {name: option for option in self.params for name in option.opts if isinstance(option, TyperOption)}
        several, first = "", False
        for word in args:
            if not _names_option(word):
                if several and not first:
                    yield several
                first = False
                yield word
                continue
            name, equals, value = word.partition("=")
            name = self._whole(ctx, name, options) if name.startswith("--") else name
            option = options.get(name)
            several, first = (name, True) if option and option.multiple and not equals else ("", False)
            yield f"{name}{equals}{value}"

    def _whole(self, ctx: Context, begin: str, options: dict[str, TyperOption]) -> str:
        """The option that is meant by its beginning.

        Raises:
            NoSuchOption: several options begin like this.
        """
        if begin in options or begin in ctx.help_option_names:
            return begin
        found = {id(option): name for name, option in options.items() if name.startswith(begin)}
        if len(found) > 1:
            raise NoSuchOption(begin, f"Ambiguous option: {begin}", sorted(found.values()), ctx)
        return next(iter(found.values()), begin)


def _names_option(word: str) -> bool:
    """Whether a word is an option and no value: `-5` and `-` are values."""
    return len(word) > 1 and word.startswith("-") and not word[1:2].isdigit()
