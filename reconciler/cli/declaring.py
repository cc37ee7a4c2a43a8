"""How a command declares what it takes: typer's words, without typer, which a plain command line does without."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

if TYPE_CHECKING:
    from typer import BadParameter

TEXT = (str, str | None)
"""The types of options that take a text, which is never empty."""


class Argument:
    """What stands without a name."""

    def __init__(self, *, metavar: str, help: str, show_default: bool = True) -> None:  # noqa: A002 - typer's word
        self.metavar, self.help, self.show_default = metavar, help, show_default


class Option:
    """What stands with one of these names: `--target -t`, `--refresh/--no-refresh`.

    Args:
        names: with spaces between them.
        help: what it is for.
        metavar: stands in the help for its value.
        envvar: names the variable that speaks for it where the command line does not.
        min: the least number.
        max: the largest one.
        callback: looks at the value, where that is no text.
    """

    def __init__(
        self,
        names: str,
        *,
        help: str,  # noqa: A002 - typer's word
        metavar: str | None = None,
        envvar: str | None = None,
        min: float | None = None,  # noqa: A002 - as above
        max: float | None = None,  # noqa: A002 - as above
        callback: Callable[..., Any] | None = None,
    ) -> None:
        self.names, self.help, self.metavar, self.envvar = names, help, metavar, envvar
        self.min, self.max, self.callback = min, max, callback


def declared(annotation: Any) -> tuple[Any, Argument | Option | None]:
    """The type of a parameter, and how it is declared here; nothing, where it is declared in another way."""
    if get_origin(annotation) is not Annotated:
        return annotation, None
    kind, said = get_args(annotation)
    return kind, said if isinstance(said, (Argument, Option)) else None


def for_typer(annotation: Any) -> Any:
    """The annotation of a parameter as typer reads it."""
    kind, said = declared(annotation)
    return annotation if said is None else Annotated[kind, _info(kind, said)]


def _info(kind: Any, said: Argument | Option) -> Any:
    import typer  # noqa: PLC0415 - a plain command line is read without

    from reconciler.cli.given import no_empty_text  # noqa: PLC0415 - as above

    if isinstance(said, Argument):
        return typer.Argument(metavar=said.metavar, help=said.help, show_default=said.show_default)
    return typer.Option(
        *said.names.split(),
        help=said.help,
        metavar=said.metavar,
        envvar=said.envvar,
        min=said.min,
        max=said.max,
        callback=no_empty_text if kind in TEXT else said.callback,
    )


def misread(said: str, hint: str | None = None) -> "BadParameter":
    """The error that a word of the command line is none that the command takes; `hint` names the option."""
    from typer import BadParameter  # noqa: PLC0415 - as above

    return BadParameter(said, param_hint=hint)
