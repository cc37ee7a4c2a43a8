"""What typer asks of a text that an option is given: that it is none that is empty."""

from typer import CallbackParam, Context
from typer._click.core import ParameterSource  # no public name

from reconciler.cli.declaring import misread


def no_empty_text(ctx: Context, param: CallbackParam, value: str | None) -> str | None:
    """Refuse an empty text of the command line: a script's variable that is not set is no wish to go without.

    Raises:
        BadParameter: it is empty.
    """
    if value == "" and ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
        raise misread("it is empty; give a value, or leave the option out", param.opts[0])
    return value
