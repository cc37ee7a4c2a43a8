"""Printing an answer as the Azure CLI does."""

from typing import Any

from reconciler.cli import options as o
from reconciler.cli.saying import put
from reconciler.render.answers import answer_text, queried


def print_answer(value: Any, query: str, output: o.Output) -> None:
    """Print the part of a value that a JMESPath query finds, in the form that is asked for."""
    found = queried(value, query)
    if output is o.Output.YAML:
        import yaml  # noqa: PLC0415 - only this form needs it

        put(yaml.safe_dump(found, sort_keys=False, allow_unicode=True).removesuffix("\n"))
    else:
        put(answer_text(found, output))
