"""Printing an answer as the Azure CLI does."""

import os
from enum import StrEnum
from typing import Any

from reconciler.cli.saying import put
from reconciler.core.worker import is_worker
from reconciler.render.answers import answer_text, queried


def print_answer(value: Any, query: str, output: StrEnum) -> None:
    """Print the part of a value that a JMESPath query finds, in the form that is asked for; nothing where it is null.

    Nothing either by a worker, whom nobody hears: a query that is wrong must not look as if its work had failed.

    Args:
        value: the answer.
        query: a JMESPath; empty for all of it.
        output: `json`, `yaml`, `table`, `tsv`, `none`; with a `c` behind it in the Azure CLI's colours, here without.
    """
    if is_worker(os.environ):
        return
    found = queried(value, query)
    form = output.value.removesuffix("c")
    if found is None or (form == "tsv" and found == []):
        return
    if form == "yaml":
        import yaml  # noqa: PLC0415 - only this form needs it

        put(yaml.safe_dump(found, sort_keys=False, allow_unicode=True).removesuffix("\n"))
    elif form != "none":
        put(answer_text(found, form), rows=form == "tsv")
