"""MLflow models without a script: loaded by mlflow.pyfunc, asked in the forms of payload of Azure and of MLflow.

It follows what Azure deploys such models with: `input_data` and `params` come in, the predictions go out as JSON, a
data frame as a list of its rows. MLflow's own parser reads the payloads, so that the signature decides the types.
"""

from __future__ import annotations

import inspect
import os
import traceback
from pathlib import Path
from typing import Any

from reconciler.scoring.messages import BadInputError
from reconciler.scoring.mlflow_payloads import PARSER, Reader, imported, line_of, object_of, plain
from reconciler.scoring.mlflow_schemas import schemas_of_signature
from reconciler.scoring.schemas import Schemas
from reconciler.scoring.script import Script, ScriptError

FLAVOR = "python_function"


def script(model_folder: Path) -> Script:
    """Give an MLflow model the functions of a score.py.

    Raises:
        ScriptError: the folder describes nothing that can be served, or the environment lacks what loads it.
    """
    # A server of models has nothing to tell to the makers of the library.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    imported("mlflow.pyfunc")
    version = imported("mlflow").__version__
    if not hasattr(imported(PARSER), "dataframe_from_parsed_json"):
        raise ScriptError(f"mlflow {version} is too old to serve a model without a script; 2.0 is the first that can")
    # mlflow loads nothing by a path that leads through a link.
    folder = model_folder.resolve()
    description = folder / "MLmodel"
    try:
        flavors = imported("mlflow.models").Model.load(str(folder)).flavors
    except Exception as error:
        raise ScriptError(f"mlflow {version} cannot read {description}: {line_of(error)}") from error
    if FLAVOR not in (flavors or {}):
        raise ScriptError(f"{description} has no {FLAVOR} flavor; log the model with one, or add a script")
    model = Model(folder)
    return Script(init=model.load, run=model.run, shutdown=None, schemas=model.service_schemas)


def _trace_nothing() -> None:
    """Keep mlflow from laying a store of traces into the working directory, which is shared; 2.14 brought them."""
    tracing = getattr(imported("mlflow"), "tracing", None)
    if tracing is not None:
        tracing.disable()


class Model:
    """A model between requests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> None:
        """Load the model, as init() does."""
        if "MLFLOW_TRACKING_URI" not in os.environ:
            _trace_nothing()
        self._model = imported("mlflow.pyfunc").load_model(str(self._folder))
        self._reader = Reader(self._model.metadata.get_input_schema())
        # From 2.6 on; an older one ignores them, as a newer one does where the signature has none.
        self._takes_params = "params" in inspect.signature(self._model.predict).parameters

    def run(self, raw_data: str) -> Any:
        """Predict for one request.

        Raises:
            BadInputError: the payload has none of the known forms, or is not what the signature says.
        """
        payload = object_of(raw_data)
        data, params = self._reader.read(payload), payload.get("params")
        try:
            predictions = self._model.predict(data, **({"params": params} if params and self._takes_params else {}))
        except imported("mlflow.exceptions").MlflowException as error:
            if _is_the_clients(error):
                # It says the data first, which the client knows.
                raise BadInputError(line_of(error).rpartition("Error: ")[2]) from error
            raise
        return plain(predictions)

    def service_schemas(self) -> Schemas:
        """Describe what the model takes and gives, once it is loaded."""
        metadata = self._model.metadata
        params = getattr(metadata, "get_params_schema", lambda: None)()
        return schemas_of_signature(metadata.get_input_schema(), params)


def _is_the_clients(error: Any) -> bool:
    """Tell whether the signature was not held. An older mlflow gives that the status of its own failures."""
    enforced = (frame.f_code.co_name.startswith("_enforce") for frame, _ in traceback.walk_tb(error.__traceback__))
    return error.get_http_status_code() == 400 or any(enforced)
