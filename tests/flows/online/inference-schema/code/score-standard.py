"""A house as an object."""

import json
import os
from pathlib import Path

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

weights = []


def init():
    weights.extend(json.loads((Path(os.environ["AZUREML_MODEL_DIR"]) / "models/weights.json").read_text()))


@input_schema("house", StandardPythonParameterType({"space": 120.0, "rooms": 4, "age": 10}))
@output_schema(StandardPythonParameterType({"price": 1.0}))
def run(house):
    return {"price": sum(w * x for w, x in zip(weights, house.values(), strict=True))}
