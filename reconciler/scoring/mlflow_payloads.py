"""Payloads for MLflow models become what pyfunc takes, and what it predicts becomes JSON."""

from __future__ import annotations

import base64
import importlib
import math
from collections.abc import Iterator
from datetime import date, time
from typing import Any

from reconciler.scoring.decoding import decoded
from reconciler.scoring.messages import BadInputError
from reconciler.scoring.script import ScriptError

# Of mlflow, which reads payloads by a signature for its own server.
PARSER = "mlflow.utils.proto_json_utils"
FORMS = ("input_data", "inputs", "instances", "dataframe_split", "dataframe_records")
SPLIT = frozenset({"columns", "index", "data"})


def imported(name: str) -> Any:
    """Import a module of the deployment's environment.

    Raises:
        ScriptError: it, or what it needs, is not there.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error.name or name
        advice = f"add {'mlflow' if missing.startswith('mlflow') else missing} to the environment of the deployment"
        raise ScriptError(f"the MLflow model cannot be loaded: {error}; {advice}") from error


def object_of(raw_data: str) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        BadInputError: it is none.
    """
    try:
        payload = decoded(raw_data)
    except ValueError as error:
        raise BadInputError(f"the request is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise BadInputError(f"the request must be a JSON object with one of {', '.join(FORMS)}")
    return payload


def line_of(error: Exception) -> str:
    """What is wrong, in one line; mlflow puts a code before it otherwise."""
    return " ".join(str(getattr(error, "message", error)).split())


class Reader:
    """Makes of a payload what a model of a signature takes; without a signature types are as JSON has them."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._parser = imported(PARSER)
        specs = schema.inputs if schema else ()
        self._names = schema.input_names() if schema and schema.has_input_names() else []
        self._whole = {spec.name for spec in specs if _kind(spec) in ("i", "u")}
        self._tensors = bool(schema) and schema.is_tensor_spec()

    def read(self, payload: dict[str, Any]) -> Any:
        """Read the one form of input that a payload has.

        Raises:
            BadInputError: it has none or several, or does not fit the signature.
        """
        given = [name for name in FORMS if name in payload]
        if len(given) != 1:
            raise BadInputError(
                f"the request must have one of {', '.join(FORMS)}; it has {' and '.join(given) or 'none'}"
            )
        form, value = given[0], payload[given[0]]
        try:
            return self._azure(value) if form == "input_data" else self._mlflow(form, value)
        except (imported("mlflow.exceptions").MlflowException, ValueError, TypeError, KeyError) as error:
            raise BadInputError(f"{form}: {line_of(error)}") from error

    def _azure(self, value: Any) -> Any:
        if isinstance(value, dict) and {"columns", "data"} <= value.keys() <= SPLIT:
            return self._frame(value, "split")
        if isinstance(value, list) and value and not self._tensors:
            if all(isinstance(row, dict) for row in value):
                return self._frame(value, "records")
            if self._names:
                return self._frame({"columns": self._names, "data": value}, "split")
        return self._mlflow("inputs", value)

    def _mlflow(self, form: str, value: Any) -> Any:
        if form.startswith("dataframe_"):
            return self._frame(value, form.partition("_")[2])
        self._refuse_fractions(value)
        return self._parser.parse_tf_serving_input({form: value}, self._schema)

    def _frame(self, value: Any, orient: str) -> Any:
        frame = self._parser.dataframe_from_parsed_json(value, orient)
        self._refuse_fractions({name: frame[name].tolist() for name in self._whole & set(frame.columns)})
        return frame if self._schema is None else self._parser.cast_df_types_according_to_schema(frame, self._schema)

    def _refuse_fractions(self, value: Any) -> None:
        """Refuse 1.5 where whole numbers are due: numpy would cut it off without a word."""
        only = self._names[0] if len(self._names) == 1 else None
        for name, number in _numbers(value, only) if self._whole else ():
            if name in self._whole and number % 1 > 0:
                what = f"column {name}" if name else "the input"
                raise BadInputError(f"{what} takes whole numbers by the model's signature; {number} is none")


def plain(value: Any) -> Any:
    """Make JSON values of what a model predicts: numpy's and pandas' types become Python's, dates their ISO form."""
    kind = type(value).__name__
    if kind == "Series":
        value, kind = value.to_frame(), "DataFrame"
    if kind == "DataFrame":
        value = value.to_dict(orient="records")
    elif callable(getattr(value, "tolist", None)):  # numpy's arrays and scalars
        value = (value.astype(str) if value.dtype.kind == "M" else value).tolist()
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _key(key: Any) -> Any:
    return key if isinstance(key, (str, int, float, bool)) or key is None else str(key)


def _kind(spec: Any) -> str:
    """The kind of number that an input of a signature takes, in numpy's letters; empty for what is none."""
    to_numpy = getattr(spec.type, "to_numpy", None)
    return getattr(to_numpy() if to_numpy else spec.type, "kind", "")


def _numbers(value: Any, name: str | None) -> Iterator[tuple[str | None, float]]:
    """Every finite fraction of a JSON value, with the innermost name that it stands under."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, name)
    elif isinstance(value, float) and math.isfinite(value):
        yield name, value
