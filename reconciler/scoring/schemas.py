"""What inference_schema knows of a run() that is decorated with @input_schema and @output_schema.

The package is the deployment's own. A script that has not imported it cannot have used it, so nothing is imported here.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

# What the package can describe a script in that it says nothing of.
VERSIONS = ("2.0", "3.0", "3.1")
ANYTHING = {"type": "object", "example": {}}


class Schemas(NamedTuple):
    """The JSON schemas of run()'s input and output, and the Swagger versions that can express them."""

    input: Any
    output: Any
    versions: Sequence[str]


def is_decorated(run: Callable[..., Any]) -> bool:
    """Tell whether run() has a schema."""
    util = _schema_util()
    return util is not None and bool(util.is_schema_decorated(run))


def schemas_of(run: Callable[..., Any]) -> Schemas:
    """Look up the schemas of run(); one that is not decorated takes and gives anything."""
    util = _schema_util()
    if util is None:
        return Schemas(ANYTHING, ANYTHING, VERSIONS)
    versions = util.get_supported_versions(run)
    if not util.is_schema_decorated(run):
        return Schemas(ANYTHING, ANYTHING, versions)
    return Schemas(util.get_input_schema(run), util.get_output_schema(run), versions)


def refused_input(error: BaseException) -> bool:
    """Tell whether an error of a decorated run() came from converting the input, before the script's own code."""
    if _schema_util() is None or not isinstance(error, Exception):
        return False
    return any(
        frame.f_code.co_name.endswith("deserialize_input_argument")
        and frame.f_globals.get("__name__") == "inference_schema.schema_decorators"
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )


def _schema_util() -> Any:
    return sys.modules.get("inference_schema.schema_util")
