"""The commands that explain: what a code means, which fields a kind has."""

import difflib
import textwrap
from typing import Annotated

import typer

from reconciler.cli.saying import put, say
from reconciler.errors import MlopsError
from reconciler.render.values import json_text


def explain(code: Annotated[str, typer.Argument(metavar="CODE", help="Such as E-TRAFFIC-SUM.")]) -> None:
    """Say what a code in a message means.

    \b
    Example:
      mlops explain E-TRAFFIC-SUM
    """
    from reconciler.core.codes import CODES  # noqa: PLC0415 - only this command needs it

    wanted = code.upper()
    if wanted not in CODES:
        raise MlopsError(f"there is no code {code}{_near(wanted, list(CODES))}")
    say(f"{wanted}\n{textwrap.fill(CODES[wanted], 100)}")


def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Such as managedOnlineDeployment or model; or plan.")],
) -> None:
    """Print the JSON Schema of a kind, or of what a command prints with --format json.

    For an editor, or a check of your own. Of what is printed there are plan, apply, drift, drift-event (a line of a
    watch), validate, history, run (what `mlops history show` prints), and failure, which a report in JSON is where a
    command has no answer.

    \b
    Examples:
      mlops schema managedOnlineDeployment > deployment.schema.json
      mlops schema plan
    """
    from reconciler.cli.published import PUBLISHED, published  # noqa: PLC0415 - only this command needs it
    from reconciler.load.schema import SCHEMAS, schema_named  # noqa: PLC0415

    named = {name.lower(): name for name in (*SCHEMAS, *PUBLISHED)}
    name = named.get(kind.lower())
    if not name:
        raise MlopsError(f"there is no kind {kind}{_near(kind, list(named.values()))}")
    put(json_text(published(name) if name in PUBLISHED else schema_named(name)))


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known)}"
