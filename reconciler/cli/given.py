"""What typer asks of a text that an option is given: that it is none that is empty."""

from typer import BadParameter, CallbackParam, Context
from typer._click.core import ParameterSource  # no public name


def no_empty_text(ctx: Context, param: CallbackParam, value: str | None) -> str | None:
    """Refuse an empty text of the command line: a script's variable that is not set is no wish to go without.

    Raises:
        BadParameter: it is empty.
    """
    if value == "" and ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
        raise BadParameter("it is empty; give a value, or leave the option out", param_hint=param.opts[0])
    return value
